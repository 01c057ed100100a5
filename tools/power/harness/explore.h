/* Every crash state, each once: a walk over states, not over schedules of failures.
 *
 * A state is what a failure leaves: FRAM, and the world's. All states are found by booting in each state once and
 * noting what FRAM holds after every write of that run. A run may end early between two calls, where what happens
 * next depends on FRAM, the world and statics alone (scratch and stack are poisoned there), and an earlier run has
 * gone on from the same. A run that comes by the same point twice never ends, which is a divergence too, and so is a
 * failure that loses more than a call's writes (see loss.h).
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdint.h>

/* Walks and prints the result as one line of JSON. Where more than max_states are expected, about that many are
 * drawn by a hash of their contents, and only those are booted. */
void explore(uint64_t seed, uint32_t max_states);

#endif
