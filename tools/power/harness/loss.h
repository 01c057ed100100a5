/* How much work a failure loses, in FRAM writes: what a boot in the crash state still has to write, less what the
 * device would have had to write, had it not failed there.
 *
 * Where no failure loses more than the writes of one call, every gap between failures that is longer makes progress:
 * the proof that no schedule of such gaps, periodic or not, can livelock.
 */
#ifndef LOSS_H
#define LOSS_H

#include <stdint.h>

#define LOSS_NONE UINT32_MAX

/* During a run, after so many writes: it came by a crash state, or by a point between calls (numbered from 0 in the
 * order they are first met). */
void loss_event(uint32_t state, uint32_t write);
void loss_point(uint32_t point, uint32_t write);

/* The run that booted in a state has ended after so many writes: at the end of the stream (LOSS_NONE), or at a point
 * from which an earlier run went on. */
void loss_run_ended(uint32_t state, uint32_t writes, uint32_t point);

/* The run has diverged: nothing is known about what it left to do. */
void loss_run_diverged(void);

/* The largest loss of all, and the crash state where it happens. */
uint32_t loss_largest(uint32_t *state);

#endif
