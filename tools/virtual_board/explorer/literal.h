/* The walk's argument put to the test: power lost at instructions, and nothing inferred. */

#ifndef LITERAL_H
#define LITERAL_H

#include "judge.h"
#include "machine.h"

struct literal {
    uint64_t runs, failures, divergences;
    struct divergence first;
    uint64_t instruction; /* the last failure before it, counted from that boot's beginning */
};

/* Every stride-th instruction of the undisturbed run (of ``instructions``), one failure a run, each with other poison.
 */
void literal_every(struct machine *m, uint64_t instructions, struct literal *result);

/* Runs in which power is lost again and again, after random numbers of instructions. */
void literal_schedules(struct machine *m, uint64_t instructions, struct literal *result);

#endif
