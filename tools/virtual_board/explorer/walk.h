/* Every state of FRAM that power failures can lead to, each visited once. */

#ifndef WALK_H
#define WALK_H

#include "judge.h"
#include "machine.h"

#define MAX_INPUTS 16u
#define MAX_FAILURES 64u

struct walked {
    uint32_t states, divergences;
    uint64_t transitions, boots;
    uint64_t writes[MAX_INPUTS]; /* of each inference without failures */
    uint64_t cycles[MAX_INPUTS]; /* likewise */
    uint64_t instructions;       /* of all of them */
    uint64_t recovery;           /* most cycles that a state needs from power-up to its next commit */
    bool exhausted;
    double fraction; /* of the states, where not all are kept */
    struct divergence first;
    uint64_t failures[MAX_FAILURES]; /* FRAM writes after which each boot before the first divergence lost power */
    unsigned failed;
};

void walk(struct machine *m, struct walked *result);

/* Whether a state with this hash was found. */
bool walk_knows(uint64_t hash);

#endif
