/* The words of FRAM that a program may write: their content, its hash, and the way back to the cold start. */

#ifndef STATE_H
#define STATE_H

#include "machine.h"

/* Random words into the arenas; then what is there is the cold start. */
void state_start(struct machine *m);

/* The cold start's content. */
void state_reset(struct machine *m);

/* The processor has written there: false where that is none of the program's words. ``old`` is what was there. */
bool state_note(struct machine *m, uint32_t address, uint16_t *old);

/* Writes as the processor would have. */
void state_put(struct machine *m, uint32_t address, uint16_t value);

/* Of all words. Two contents have the same one by chance once in 2^64 pairs. */
uint64_t state_hash(void);

uint64_t mixed(uint64_t key);

#endif
