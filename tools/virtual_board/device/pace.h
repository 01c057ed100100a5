/* Virtual time that does not run ahead of the wall clock, for people who watch. It changes nothing in the run. */

#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct pace {
    bool wanted, running;
    uint64_t wall_ns, virtual_ps; /* when both were the same */
};

/* Waits where virtual time is ahead. */
void pace(struct machine *m);

/* When to look again; NEVER where nobody wants it. */
uint64_t pace_due(const struct machine *m);

/* The board stood still: the clocks are compared anew. */
void pace_restart(struct machine *m);

#endif
