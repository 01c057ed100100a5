/* FRAM changes at writes only. So a failure at any instruction leaves the content that the write before it made, and
 * the states are the contents after each write, be it an instruction's second half or one word of a block. From each
 * of them the device is powered up once. It runs until it ends or comes to a commit at which everything that counts
 * (FRAM, registers, stack, statics) was seen before: what follows was explored then.
 */
#include "walk.h"

#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "fail.h"
#include "keymap.h"
#include "live.h"
#include "loss.h"
#include "memory.h"
#include "setup.h"
#include "state.h"
#include "store.h"

#define ENOUGH_DIVERGENCES 25u

static struct {
    struct walked *result;
    uint64_t threshold; /* states whose mixed hash is above are not kept */
    uint64_t counted;   /* changes of FRAM without failures */
    uint64_t poison;    /* of every power-up: what main pushes must not tell two boots apart */
    uint64_t chance;    /* for what is lost at commits */
    uint32_t current;
    bool truncated, committed;
    keymap_t known;       /* hash -> state */
    keymap_t passed;      /* everything that counts at a commit -> boot */
    keymap_t undisturbed; /* the same of the run without failures */
} now;

bool walk_knows(uint64_t hash)
{
    return keymap_get(&now.known, hash) != KEYMAP_NONE;
}

static uint32_t note_state(struct machine *m)
{
    uint64_t hash = state_hash();
    uint32_t found = keymap_get(&now.known, hash);
    if (found != KEYMAP_NONE || (store.count != 0 && mixed(hash) > now.threshold))
        return found;
    if (store.count == setup.max_states) {
        now.truncated = true;
        return KEYMAP_NONE;
    }
    keymap_put(&now.known, hash, store.count);
    return store_add(now.current, boot_writes(m));
}

/* Whether another boot came by here with the same in all that counts; never one boot twice. */
static bool passed_before(struct machine *m, keymap_t *passed)
{
    uint64_t key = mixed(state_hash() ^ live_hash(m));
    uint32_t boot = keymap_get(passed, key);
    if (boot == (uint32_t)now.result->boots)
        diverge(m, "no end: the same memory again at a commit", setup.progress, 0);
    if (boot == KEYMAP_NONE)
        keymap_put(passed, key, (uint32_t)now.result->boots);
    return boot != KEYMAP_NONE;
}

/* What a unit leaves in volatile memory is lost here, failure or none; the poison of the next boot is not touched. */
static void pass_commit(struct machine *m)
{
    m->poison = now.chance;
    live_scramble(m);
    now.chance = m->poison;
    if (passed_before(m, &now.passed))
        join(m);
}

static void explored(struct machine *m, uint32_t address, bool changed, bool commit)
{
    now.result->transitions++;
    if (changed) {
        store_log(address, peek(m, address));
        uint32_t state = note_state(m);
        if (commit && !now.committed) {
            now.committed = true;
            loss_progress(now.current, state, boot_cycles(m));
        }
    }
    if (commit)
        pass_commit(m);
}

static void measured(struct machine *m, uint32_t address, bool changed, bool commit)
{
    uint32_t taken = answers_taken(m);
    now.counted += changed;
    if (commit)
        (void)passed_before(m, &now.undisturbed);
    if (!commit || address != setup.taken || !changed || taken > MAX_INPUTS)
        return;
    now.result->writes[taken - 1u] = boot_writes(m);
    now.result->cycles[taken - 1u] = boot_cycles(m);
}

static void count_divergence(uint32_t state)
{
    if (now.result->divergences++ != 0)
        return;
    now.result->first = divergence;
    for (; state != 0 && now.result->failed < MAX_FAILURES; state = store.states[state].parent)
        now.result->failures[now.result->failed++] = store.states[state].write;
}

/* One run without failures: what it costs, and how many states there will be at least. */
static bool measure(struct machine *m)
{
    static const struct policy policy = {measured};
    struct walked *result = now.result;
    uint64_t instructions = m->count.instructions;
    if (boot(m, &policy, now.poison, NEVER) != ENDED) {
        count_divergence(0);
        return false;
    }
    result->instructions = m->count.instructions - instructions;
    for (uint32_t i = setup.count < MAX_INPUTS ? setup.count : MAX_INPUTS; i-- > 1u;) {
        result->writes[i] -= result->writes[i - 1u];
        result->cycles[i] -= result->cycles[i - 1u];
    }
    if (now.counted >= setup.max_states)
        now.threshold = UINT64_MAX / (now.counted + now.counted / 8u + 1u) * setup.max_states;
    return true;
}

static void visit(struct machine *m)
{
    static const struct policy policy = {explored};
    store_enter(m, now.current);
    now.result->boots++;
    now.committed = false;
    if (boot(m, &policy, now.poison, NEVER) == DIVERGED)
        count_divergence(now.current);
    store_leave();
}

/* Failures right after each commit: the way must not come back to where it was. */
static void judge_progress(struct machine *m)
{
    uint32_t state = loss_circle(store.count);
    if (state == KEYMAP_NONE)
        return;
    store_enter(m, state);
    memset(&divergence, 0, sizeof divergence);
    divergence.kind = "livelock: failures after each commit lead back to the same memory";
    divergence.cursor = divergence.boot_cursor = cursor_now(m);
    divergence.address = setup.progress;
    count_divergence(state);
}

void walk(struct machine *m, struct walked *result)
{
    now.result = result;
    now.threshold = UINT64_MAX;
    now.poison = mixed(setup.seed + 1u);
    now.chance = mixed(setup.seed + 2u) | 1u;
    keymap_init(&now.known);
    keymap_init(&now.passed);
    keymap_init(&now.undisturbed);
    if (measure(m)) {
        state_reset(m);
        (void)note_state(m);
        for (now.current = 0; now.current < store.count && result->divergences < ENOUGH_DIVERGENCES; now.current++)
            visit(m);
        judge_progress(m);
    }
    result->states = store.count;
    result->recovery = loss_recovery();
    result->exhausted = now.threshold == UINT64_MAX && !now.truncated && store.count != 0 && now.current == store.count;
    result->fraction = (double)now.threshold / (double)UINT64_MAX;
}
