/* What of SRAM, registers, multiplier and accelerator outlives a commit, and what no program may count on there. */

#ifndef LIVE_H
#define LIVE_H

#include "machine.h"

/* Loses scratch memory, the memory below the stack pointer and what multiplier and accelerator hold: a restart unit is
 * over, the next one, or the same after a power failure, begins with nothing but what start-up sets.
 */
void live_scramble(struct machine *m);

/* Of registers, statics and the stack. */
uint64_t live_hash(const struct machine *m);

#endif
