/* What a failure costs, and whether a charge for one commit is enough to get to the end. */

#ifndef LOSS_H
#define LOSS_H

#include <stdint.h>

/* The first commit of a state's boot leads to another state (KEYMAP_NONE where that is not kept). */
void loss_progress(uint32_t state, uint32_t next, uint64_t cycles);

/* The most cycles from power-up to the first commit. */
uint64_t loss_recovery(void);

/* A state that its own first commits lead back to, or KEYMAP_NONE. */
uint32_t loss_circle(uint32_t states);

#endif
