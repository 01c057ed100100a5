/* The peripherals: which address belongs to which, and what all of them need. */

#ifndef IO_H
#define IO_H

#include "machine.h"

/* Where the blocks of this device lie; those it does not have are unmapped. False where two overlap. */
bool io_map(struct machine *m);

/* mask says which bytes of the word the processor reads or writes. */
uint16_t io_read(struct machine *m, uint32_t address, uint16_t mask);
void io_write(struct machine *m, uint32_t address, uint16_t value, uint16_t mask);

void io_power_up(struct machine *m, unsigned cause);

/* From within a write of the processor: the instruction is left. */
void io_reset(struct machine *m, unsigned cause);

/* Every block that counts brings its counters up to now, before clocks change. */
void io_synchronize(struct machine *m);

/* When something is due next, in picoseconds; and whatever is due by now happens. */
uint64_t io_due(const struct machine *m);
void io_events(struct machine *m);

/* The processor has taken an interrupt whose flag clears itself. */
void io_accepted(struct machine *m, unsigned vector);

void reset(struct machine *m, unsigned cause);
void interrupt(struct machine *m, unsigned vector, bool pending);

#endif
