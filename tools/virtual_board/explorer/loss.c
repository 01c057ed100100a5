#include "loss.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "keymap.h"

static struct {
    uint32_t *next; /* by state */
    uint32_t room;
    uint64_t recovery;
} loss;

static void reserve(uint32_t states)
{
    uint32_t room = loss.room;
    if (states <= room)
        return;
    loss.room = 2u * states + 1024u;
    loss.next = realloc(loss.next, (size_t)loss.room * sizeof *loss.next);
    if (loss.next == NULL)
        fail(FAIL_TOOL, "no memory for more states; explore fewer");
    memset(loss.next + room, 0xFF, (size_t)(loss.room - room) * sizeof *loss.next);
}

void loss_progress(uint32_t state, uint32_t next, uint64_t cycles)
{
    reserve(state + 1u);
    loss.next[state] = next;
    if (cycles > loss.recovery)
        loss.recovery = cycles;
}

uint64_t loss_recovery(void)
{
    return loss.recovery;
}

uint32_t loss_circle(uint32_t states)
{
    uint32_t found = KEYMAP_NONE;
    uint32_t *seen = calloc((size_t)states + 1u, sizeof *seen);
    if (seen == NULL)
        fail(FAIL_TOOL, "no memory for more states; explore fewer");
    reserve(states);
    for (uint32_t start = 0; start < states && found == KEYMAP_NONE; start++) {
        uint32_t at = start;
        for (; at != KEYMAP_NONE && seen[at] == 0; at = loss.next[at])
            seen[at] = start + 1u;
        if (at != KEYMAP_NONE && seen[at] == start + 1u)
            found = at;
    }
    free(seen);
    return found;
}
