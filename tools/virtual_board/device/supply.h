/* The supply: a capacitor as a store of energy, fed with a power that is constant or follows a trace.
 *
 * The power is lost at the first instruction after which no more than E(v_off) is left, and comes again at E(v_on).
 */

#ifndef SUPPLY_H
#define SUPPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "energy.h"

struct machine;

/* What is harvested from when on: nanowatts, or the microvolts of a source behind a resistor. It repeats. */
struct trace {
    uint64_t *ps, *value; /* how long a sample lasts, and what it is */
    unsigned count, at;
    uint64_t end_ps; /* of this sample */
    uint64_t rounds;
    bool volts;
};

struct supply {
    bool present;
    uint64_t picofarads, start_fj, on_fj, off_fj, max_fj, source_mohm; /* start 0: as on */
    uint64_t power_nw;                                                 /* harvested now */
    struct trace trace;
    int64_t stored_fj;
    uint64_t since_ps, until_ps; /* up to where it is settled, and up to when the power stays as it is */
    uint64_t drawn_fj;           /* of the ledger, up to where it is settled */
    struct joules income;        /* its femtojoules are those not stored yet */
    uint64_t harvested_fj;
    uint64_t started_at; /* instructions executed at the last start */
    unsigned fruitless;  /* starts in a row after which the power was gone before the first instruction */
};

bool supply_option(struct machine *m, const char *name, const char *value);

/* The capacitor has just reached v_on. */
void supply_start(struct machine *m);

/* Leaves the instruction where the power is lost now; otherwise says in m->look_cycle when to look again. */
void supply_look(struct machine *m);

/* Until when the processor may sleep before the supply has to be looked at. */
uint64_t supply_due(struct machine *m);

/* Waits without power until there is enough. */
void supply_recharge(struct machine *m);

/* Up to now: of the capacitor in volts (NaN without one), and what was harvested. Nothing changes by asking. */
double supply_volts(struct machine *m);
uint64_t supply_harvested(struct machine *m);

#endif
