#include "store.h"

#include <stdlib.h>

#include "fail.h"
#include "state.h"

struct change {
    uint32_t address;
    uint16_t value;
};

struct store store;

static struct {
    struct change *changes;
    size_t count, room, needed; /* the last that a state needs */
    uint32_t states;
} trace;

static void *grown(void *array, size_t room, size_t size)
{
    array = realloc(array, room * size);
    if (array == NULL)
        fail(FAIL_TOOL, "no memory for more states; explore fewer");
    return array;
}

void store_log(uint32_t address, uint16_t value)
{
    if (trace.count == trace.room) {
        trace.room = 2u * trace.room + 1024u;
        trace.changes = grown(trace.changes, trace.room, sizeof *trace.changes);
    }
    trace.changes[trace.count++] = (struct change){address, value};
}

uint32_t store_add(uint32_t parent, uint64_t write)
{
    if (store.count == trace.states) {
        trace.states = 2u * trace.states + 1024u;
        store.states = grown(store.states, trace.states, sizeof *store.states);
    }
    store.states[store.count] = (struct found){write, parent, 0, trace.count};
    trace.needed = trace.count;
    return store.count++;
}

static void replay(struct machine *m, uint32_t number)
{
    const struct found *state = &store.states[number];
    if (number == 0)
        return;
    replay(m, state->parent);
    for (size_t i = store.states[state->parent].first; i < state->end; i++)
        state_put(m, trace.changes[i].address, trace.changes[i].value);
}

void store_enter(struct machine *m, uint32_t number)
{
    state_reset(m);
    replay(m, number);
    store.states[number].first = trace.count;
    trace.needed = trace.count;
}

void store_leave(void)
{
    trace.count = trace.needed;
}
