#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "keymap.h"
#include "loss.h"
#include "machine.h"
#include "measure.h"
#include "report.h"
#include "runtime.h"
#include "sram.h"
#include "stream.h"

#define ENOUGH_DIVERGENCES 25U

typedef struct {
    uint64_t hash;
    uint32_t fram;
    uint32_t parent;
    uint32_t write; /* of the parent's boot, after which power failed */
    uint16_t wanted;
} state_t;

typedef struct {
    state_t *states; /* in the order found, which is the order of visits */
    uint32_t count;
    uint32_t max_states;
    uint32_t current;
    uint64_t threshold; /* states whose mixed hash is above are not kept */
    uint64_t transitions;
    uint32_t boots;
    uint32_t divergences;
    int truncated;
    keymap_t known;    /* (FRAM, world) -> state */
    keymap_t passed;   /* (FRAM, world, statics) between calls -> point */
    uint32_t *came_by; /* by point: the boot */
    uint32_t points;
    uint32_t joined; /* point where the current run ended, or LOSS_NONE */
    divergence_t first;
    uint32_t first_state;
} walk_t;

static walk_t walk KEEP = {0};

static void *grown(void *array, uint32_t count, size_t size)
{
    /* To the next power of two, from 1024. */
    if (count == 0U || (count >= 1024U && (count & (count - 1U)) == 0U)) {
        array = realloc(array, (count == 0U ? 1024U : 2U * (size_t)count) * size);
        if (array == NULL) {
            fail(FAIL_TOOL, "no memory for more states; explore fewer");
        }
    }
    return array;
}

static int drawn(void)
{
    uint64_t hash = (machine.hash ^ stream_wanted()) * 0xD6E8FEB86659FD93U;

    hash ^= hash >> 32;
    return hash * 0x9E3779B97F4A7C15U <= walk.threshold;
}

static void note_state(void)
{
    uint64_t key;
    uint32_t fram;
    uint32_t found;
    state_t *state;

    if (walk.threshold != UINT64_MAX && walk.count != 0U && !drawn()) {
        return;
    }
    fram = image_save(&machine.fram);
    key = (uint64_t)fram << 16 | stream_wanted();
    found = keymap_get(&walk.known, key);
    if (found != KEYMAP_NONE) {
        loss_event(found, machine.writes);
        return;
    }
    if (walk.count == walk.max_states) {
        walk.truncated = 1;
        return;
    }
    walk.states = grown(walk.states, walk.count, sizeof *walk.states);
    keymap_put(&walk.known, key, walk.count);
    loss_event(walk.count, machine.writes);
    state = &walk.states[walk.count++];
    state->hash = machine.hash;
    state->fram = fram;
    state->parent = walk.current;
    state->write = machine.writes;
    state->wanted = stream_wanted();
}

static void on_event(void)
{
    walk.transitions++;
    note_state();
}

static void before_write(void)
{
}

static void between_calls(void)
{
    const uint32_t statics = sram_statics();
    const uint64_t supply = machine.supply == 0U ? (uint64_t)1 << 63 : 0U; /* what follows depends on it */
    const uint64_t key = supply | (uint64_t)image_save(&machine.fram) << 32 | (uint64_t)stream_wanted() << 16 | statics;
    const uint32_t point = keymap_get(&walk.passed, key);

    if (statics > 0xFFFFU) {
        fail(FAIL_TOOL, "the statics take too many values to tell states apart");
    }
    if (point != KEYMAP_NONE && walk.came_by[point] == walk.boots) {
        machine_diverged("no end: the same memory again between two calls", 0);
    }
    if (point != KEYMAP_NONE) {
        walk.joined = point;
        machine_stop();
    }
    loss_point(walk.points, machine.writes);
    keymap_put(&walk.passed, key, walk.points);
    walk.came_by = grown(walk.came_by, walk.points, sizeof *walk.came_by);
    walk.came_by[walk.points++] = walk.boots;
}

static void count_divergence(uint32_t state)
{
    if (walk.divergences++ == 0U) {
        walk.first = machine.divergence;
        walk.first_state = state;
    }
}

/* Puts FRAM and the world into a state. */
static void enter(uint32_t number)
{
    const state_t *state = &walk.states[number];

    image_load(&machine.fram, state->fram);
    machine.hash = state->hash;
    stream_set_wanted(state->wanted);
}

static void visit(const policy_t *policy)
{
    enter(walk.current);
    walk.boots++;
    walk.joined = LOSS_NONE;
    if (machine_run(policy) == DIVERGED) {
        loss_run_diverged();
        count_divergence(walk.current);
    } else {
        loss_run_ended(walk.current, machine.writes, walk.joined);
    }
}

/* Returns the largest loss. Beyond the largest call it is a divergence, unless another supply may have led the device
 * on another way, where nobody has been: that is no loss.
 */
static uint32_t judge_loss(void)
{
    uint32_t state = 0U;
    const uint32_t loss = loss_largest(&state);

    if (loss > measured.largest_call && stream_choices() == 1U) {
        enter(state);
        memset(&machine.divergence, 0, sizeof machine.divergence);
        machine.divergence.kind = "livelock: a failure loses more writes than any call takes";
        machine.divergence.cursor = model_progress.cursor;
        machine.divergence.boot_cursor = model_progress.cursor;
        machine.divergence.expected = (int32_t)measured.largest_call;
        machine.divergence.found = (int32_t)loss;
        count_divergence(state);
    }
    return loss;
}

static void print_failures(uint32_t state)
{
    if (state != 0U) {
        print_failures(walk.states[state].parent);
        printf("%s%lu", walk.states[state].parent != 0U ? ", " : "", (unsigned long)walk.states[state].write);
    }
}

void explore(uint64_t seed, uint32_t max_states)
{
    static const policy_t policy = {before_write, on_event, between_calls};
    uint32_t loss;

    keymap_init(&walk.known);
    keymap_init(&walk.passed);
    measure();
    walk.max_states = max_states;
    walk.threshold = UINT64_MAX;
    if (measured.distinct >= max_states) {
        walk.threshold = UINT64_MAX / (measured.distinct + measured.distinct / 8U + 1U) * max_states;
    }
    note_state();
    for (walk.current = 0U; walk.current < walk.count && walk.divergences < ENOUGH_DIVERGENCES; walk.current++) {
        visit(&policy);
    }
    loss = judge_loss();
    printf("{\"states\": %lu, \"transitions\": %llu, \"boots\": %lu, ", (unsigned long)walk.count,
           (unsigned long long)walk.transitions, (unsigned long)walk.boots);
    printf("\"exhausted\": %s, \"fraction\": %.6f, ",
           walk.threshold == UINT64_MAX && !walk.truncated && walk.current == walk.count ? "true" : "false",
           (double)walk.threshold / (double)UINT64_MAX);
    printf("\"seed\": %llu, \"divergences\": %lu, \"largest_loss\": %lu, ", (unsigned long long)seed,
           (unsigned long)walk.divergences, (unsigned long)loss);
    measure_report();
    if (walk.divergences != 0U) {
        printf(", \"failures_path\": [");
        print_failures(walk.first_state);
        printf("], \"first\": ");
        report_divergence(&walk.first);
    }
    printf("}\n");
}
