/* Failures of the power that are asked for, besides those of the supply. */

#ifndef FAILURES_H
#define FAILURES_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum failure_kind { FAIL_CYCLE, FAIL_INSTRUCTION, FAIL_ADDRESS, FAIL_BEFORE_WRITE, FAIL_AFTER_WRITE, FAIL_ENERGY };

struct planned_failure {
    enum failure_kind kind;
    uint64_t at;
    bool over;
};

struct failures {
    struct planned_failure *list;
    unsigned count;
    uint64_t every;              /* cycles, 0 where none fail regularly */
    uint64_t mean, next, chance; /* of random ones: 1 to 2 mean - 1 cycles apart */
};

/* kind:number, every_cycles:number, random:seed:mean. False where it is neither. */
bool failures_add(struct machine *m, const char *text);

/* Those that are over by now are forgotten, and the next ones are set. */
void failures_arm(struct machine *m);

/* Whether the power fails before the instruction at this address; it is over then. */
bool failures_at_address(struct machine *m, uint32_t address);

#endif
