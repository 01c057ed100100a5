/* What the environment sees of a device, and whether it may. */

#ifndef JUDGE_H
#define JUDGE_H

#include "machine.h"

struct divergence {
    const char *kind;
    char message[200];
    uint64_t write; /* since power-up */
    uint32_t cursor, boot_cursor, pc, address;
    uint32_t input, output, element;
    int32_t expected, found;
};

extern struct divergence divergence; /* of the last run that stopped as 'diverged' */

/* Ends the run. */
void diverge(struct machine *m, const char *kind, uint32_t address, int32_t found);

/* Looks at memory after a write. */
void judge(struct machine *m, uint32_t address, uint16_t old);

uint16_t cursor_now(const struct machine *m);
uint32_t answers_taken(const struct machine *m);

#endif
