/* One life of the device: from power-up until it ends, diverges or loses power. */

#ifndef BOOT_H
#define BOOT_H

#include "machine.h"

enum ending { ENDED, LOST, JOINED, DIVERGED };

struct policy {
    /* After each FRAM bus write; what it changed, and whether it is a commit. */
    void (*after_write)(struct machine *m, uint32_t address, bool changed, bool commit);
};

/* Runs from power-up with poisoned SRAM and registers; power is lost after so many instructions. */
enum ending boot(struct machine *m, const struct policy *policy, uint64_t poison, uint64_t instructions);

/* FRAM writes and cycles since power-up. */
uint64_t boot_writes(const struct machine *m);
uint64_t boot_cycles(const struct machine *m);

/* Ends the run: what follows is known. */
void join(struct machine *m);

#endif
