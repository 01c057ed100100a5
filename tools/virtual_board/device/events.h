/* What happened in a run, as records of 48 bytes: tools/virtual_board/events.py reads them. */

#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct machine;

enum event_kind { EVENT_BOOT = 1, EVENT_POWER_LOST, EVENT_WATCH, EVENT_STOP };
enum { LOST_BY_SUPPLY, LOST_AS_ASKED };

struct events {
    FILE *file;       /* NULL where nobody wants them */
    uint32_t watched; /* a word of FRAM, 0 where none is */
    bool written;     /* it was, by the instruction that has just ended */
    uint16_t value;
    unsigned losses;  /* of the supply's power since it was written */
    uint32_t stop_at; /* the value that ends the run; UINT32_MAX where none does */
};

void event_record(struct machine *m, enum event_kind kind, uint32_t value);

/* The watched word was written; recorded after the instruction, with all its cycles. */
void event_watched(struct machine *m, uint16_t value);
void event_flush(struct machine *m);

/* The supply has lost its power: stops the run where that only repeats and the watched word stays as it is. */
void event_lost(struct machine *m);

#endif
