#include "literal.h"

#include <string.h>

#include "boot.h"
#include "memory.h"
#include "setup.h"
#include "state.h"
#include "walk.h"

enum { FAILURES_A_RUN = 40 };

static struct {
    uint64_t course;         /* hash of all writes since power-up */
    uint64_t writes, before; /* of the last failure: its number of writes, and the course of what followed */
    uint64_t poison;
} now;

static void recorded(struct machine *m, uint32_t address, bool changed, bool commit)
{
    (void)changed;
    (void)commit;
    now.course = mixed(now.course ^ ((uint64_t)address << 16 | peek(m, address)));
}

static const struct policy policy = {recorded};

static enum ending run_for(struct machine *m, uint64_t instructions)
{
    now.course = 0;
    now.poison = mixed(now.poison + 1u);
    return boot(m, &policy, now.poison, instructions);
}

static void count_divergence(struct literal *result, const char *kind, uint64_t instruction)
{
    if (result->divergences++ != 0)
        return;
    result->first = divergence;
    result->first.kind = kind;
    result->instruction = instruction;
}

static const char *judged(struct literal *result, enum ending ending)
{
    if (ending != LOST)
        return ending == DIVERGED ? divergence.kind : "an end before the undisturbed run's";
    result->failures++;
    return walk_knows(state_hash()) ? NULL : "a failure leaves memory that the walk has not found";
}

/* Failures between the same two writes find the same memory, so what follows has to be the same, poison or not. */
static bool same_course(uint64_t writes)
{
    bool same = writes != now.writes || now.course == now.before;
    now.writes = writes;
    now.before = now.course;
    return same;
}

void literal_every(struct machine *m, uint64_t instructions, struct literal *result)
{
    now.writes = NEVER;
    for (uint64_t at = 0; at < instructions; at += setup.stride) {
        state_reset(m);
        result->runs++;
        const char *kind = judged(result, run_for(m, at));
        uint64_t writes = boot_writes(m);
        if (kind == NULL && run_for(m, NEVER) != ENDED)
            kind = divergence.kind;
        else if (kind == NULL && !same_course(writes))
            kind = "two failures between the same two writes take different courses";
        if (kind != NULL)
            count_divergence(result, kind, at);
    }
}

void literal_schedules(struct machine *m, uint64_t instructions, struct literal *result)
{
    for (uint64_t run = 0; run < setup.schedules; run++) {
        const char *kind = NULL;
        enum ending ending = LOST;
        uint64_t length = 0;
        state_reset(m);
        result->runs++;
        for (unsigned i = 0; i < FAILURES_A_RUN && ending == LOST && kind == NULL; i++) {
            length = 1u + mixed(now.poison) % (instructions / 8u + 1u);
            ending = run_for(m, length);
            kind = ending == ENDED ? NULL : judged(result, ending);
        }
        if (kind == NULL && ending == LOST && run_for(m, NEVER) != ENDED)
            kind = divergence.kind;
        if (kind != NULL)
            count_divergence(result, kind, length);
    }
}
