#include "loss.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "sram.h"

typedef struct {
    uint32_t *items;
    uint32_t count;
} list_t;

typedef struct {
    list_t events; /* of this run: state, write, state, write ... */
    list_t points; /* likewise */
    uint32_t event_count;
    uint32_t point_count;
    list_t rest;  /* by state: what a boot there still writes */
    list_t least; /* by state: the least that a device which came by still had to write */
    list_t after; /* by point: what is still written from there */
} loss_t;

static loss_t loss KEEP = {0};

/* Makes room for an index; new items are LOSS_NONE. */
static uint32_t *at(list_t *list, uint32_t index)
{
    if (index >= list->count) {
        const uint32_t count = 2U * index + 1024U;

        list->items = realloc(list->items, count * sizeof *list->items);
        if (list->items == NULL) {
            fail(FAIL_TOOL, "no memory for more states; explore fewer");
        }
        memset(list->items + list->count, 0xFF, (count - list->count) * sizeof *list->items);
        list->count = count;
    }
    return &list->items[index];
}

void loss_event(uint32_t state, uint32_t write)
{
    *at(&loss.events, loss.event_count++) = state;
    *at(&loss.events, loss.event_count++) = write;
}

void loss_point(uint32_t point, uint32_t write)
{
    *at(&loss.points, loss.point_count++) = point;
    *at(&loss.points, loss.point_count++) = write;
}

void loss_run_diverged(void)
{
    loss.event_count = 0U;
    loss.point_count = 0U;
}

void loss_run_ended(uint32_t state, uint32_t writes, uint32_t point)
{
    const uint32_t after = point == LOSS_NONE ? 0U : *at(&loss.after, point);
    const uint32_t all = writes + after;
    uint32_t i;

    if (after != LOSS_NONE) {
        *at(&loss.rest, state) = all;
        for (i = 0U; i < loss.event_count; i += 2U) {
            uint32_t *least = at(&loss.least, loss.events.items[i]);

            if (all - loss.events.items[i + 1U] < *least) {
                *least = all - loss.events.items[i + 1U];
            }
        }
        for (i = 0U; i < loss.point_count; i += 2U) {
            *at(&loss.after, loss.points.items[i]) = all - loss.points.items[i + 1U];
        }
    }
    loss_run_diverged(); /* the lists start again */
}

uint32_t loss_largest(uint32_t *state)
{
    uint32_t largest = 0U;
    uint32_t i;

    for (i = 0U; i < loss.rest.count; i++) {
        const uint32_t rest = loss.rest.items[i];
        const uint32_t least = *at(&loss.least, i);

        if (rest != LOSS_NONE && least != LOSS_NONE && rest > least && rest - least > largest) {
            largest = rest - least;
            *state = i;
        }
    }
    return largest;
}
