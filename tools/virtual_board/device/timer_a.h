/* Timer_A: counting and comparing. Captures and outputs are not simulated. */

#ifndef TIMER_A_H
#define TIMER_A_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum { TIMERS = 5, CHANNELS = 7 };

struct timer_a {
    uint32_t base; /* its address; 0 where the device has none */
    unsigned channels;
    unsigned vector; /* of TAIFG and the channels from 1 on; that of channel 0 is the next */
    uint16_t ctl, ex0, count;
    uint16_t cctl[CHANNELS], ccr[CHANNELS];
    bool down;         /* the second half of up/down mode */
    uint64_t since_ps; /* when count was right */
};

void timer_reset(struct machine *m, struct timer_a *t);
uint16_t timer_read(struct machine *m, struct timer_a *t, uint32_t offset);
void timer_write(struct machine *m, struct timer_a *t, uint32_t offset, uint16_t value, uint16_t mask);
void timer_synchronize(struct machine *m, struct timer_a *t);
uint64_t timer_due(const struct machine *m, const struct timer_a *t);
/* The period of the clock that it counts; 0 where it stands still. */
uint64_t timer_clock_ps(const struct machine *m, const struct timer_a *t);

void timer_accepted(struct machine *m, struct timer_a *t, unsigned vector);

#endif
