/* A counter of CPU cycles, which runs while an inference does, and power failures on demand. */
#ifndef TIMER_H
#define TIMER_H

#include <stdint.h>

void timer_start(void);
void timer_stop(void);

/* Cycles since timer_start. */
uint32_t timer_cycles(void);

/* Time in which the timer has run since the device started. */
uint32_t timer_microseconds(void);

/* From now on every so many cycles of inference the device forgets what is volatile and starts again; 0 ends that. It
 * also ends by itself where no progress is made. */
void fail_every(uint32_t cycles);

/* Where failures are on, the next one is due so many cycles after timer_start. */
void fail_arm(void);

#endif
