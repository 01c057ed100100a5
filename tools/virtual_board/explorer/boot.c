#include "boot.h"

#include <stdio.h>
#include <string.h>

#include "cpu.h"
#include "judge.h"
#include "setup.h"
#include "state.h"

static struct {
    const struct policy *policy;
    uint64_t writes, cycles; /* at power-up */
} life;

uint64_t boot_writes(const struct machine *m)
{
    return m->count.fram_writes - life.writes;
}

uint64_t boot_cycles(const struct machine *m)
{
    return m->cycles - life.cycles;
}

void join(struct machine *m)
{
    stop(m, "joined", "");
}

static void wait_for_commit(struct machine *m)
{
    m->cycle_limit = m->cycles + setup.patience;
}

static void observed(struct machine *m, uint32_t address)
{
    uint16_t old;
    divergence.write = boot_writes(m);
    if (!state_note(m, address, &old))
        diverge(m, "a write to code, constants or memory that is nobody's", address, peek(m, address));
    judge(m, address, old);
    /* Words that are written alone, and make everything before them count. */
    bool commit = address == setup.progress || address == setup.progress + 2u || address == setup.taken;
    bool changed = peek(m, address) != old;
    if (commit && m->lea.busy)
        diverge(m, "a commit while the accelerator runs a command", address, 0);
    if (commit && changed)
        wait_for_commit(m);
    life.policy->after_write(m, address, changed, commit);
}

static enum ending diverged(const struct machine *m, const char *kind)
{
    divergence.kind = kind;
    divergence.write = boot_writes(m);
    divergence.cursor = cursor_now(m);
    divergence.pc = m->r[PC];
    (void)snprintf(divergence.message, sizeof divergence.message, "%s", m->message);
    return DIVERGED;
}

enum ending boot(struct machine *m, const struct policy *policy, uint64_t poison, uint64_t instructions)
{
    memset(&divergence, 0, sizeof divergence);
    divergence.boot_cursor = cursor_now(m);
    life.policy = policy;
    life.writes = m->count.fram_writes;
    life.cycles = m->cycles;
    m->poison = poison | 1u;
    m->stopped = NULL;
    m->message[0] = '\0';
    m->observe = observed;
    m->instruction_limit = instructions == NEVER ? NEVER : m->count.instructions + instructions;
    wait_for_commit(m);
    run(m);
    if (strcmp(m->stopped, "diverged") == 0)
        return DIVERGED;
    if (strcmp(m->stopped, "joined") == 0)
        return JOINED;
    if (strcmp(m->stopped, "instruction limit") == 0)
        return LOST;
    if (strcmp(m->stopped, "cycle limit") == 0)
        return diverged(m, "livelock: no commit within the cycles that there are for one");
    if (strcmp(m->stopped, "asleep") != 0 && strcmp(m->stopped, "halted") != 0)
        return diverged(m, "a fault");
    if (answers_taken(m) != setup.count)
        return diverged(m, "an end without every answer");
    return ENDED;
}
