#include "judge.h"

#include <string.h>

#include "memory.h"
#include "setup.h"

enum { HELD = 2, ID = 4 };

struct divergence divergence;

void diverge(struct machine *m, const char *kind, uint32_t address, int32_t found)
{
    divergence.kind = kind;
    divergence.cursor = cursor_now(m);
    divergence.pc = m->now == NULL ? m->r[PC] : (m->r[PC] - 2u * m->now->words) & TOP;
    divergence.address = address;
    divergence.found = found;
    stop(m, "diverged", "");
}

uint16_t cursor_now(const struct machine *m)
{
    return peek(m, setup.progress);
}

uint32_t answers_taken(const struct machine *m)
{
    return peek(m, setup.taken);
}

/* The environment's number of the held id, from 1; both halves of an id are the number, so a torn one is none. */
static uint32_t number_held(const struct machine *m)
{
    uint16_t low = peek(m, setup.progress + ID), high = peek(m, setup.progress + ID + 2u);
    return low == high && low <= setup.count ? low : 0;
}

static void judge_answer(struct machine *m, uint32_t number)
{
    if (number == 0)
        diverge(m, "an answer to an input that was not offered", setup.taken, peek(m, setup.progress + ID));
    const uint8_t *right = setup.expected + (number - 1u) * setup.answer_bytes;
    for (unsigned i = 0; i < setup.outputs.count; i++) {
        const struct range *range = &setup.outputs.at[i];
        for (uint32_t k = 0; k < range->size; k += 2u, right += 2) {
            int16_t found = (int16_t)peek(m, range->start + k), expected = (int16_t)(right[0] | right[1] << 8);
            if (found == expected)
                continue;
            divergence.input = number - 1u;
            divergence.output = i;
            divergence.element = k / 2u;
            divergence.expected = expected;
            diverge(m, "a wrong answer", range->start + k, found);
        }
    }
}

/* While nothing runs, a held input is the one that was offered under its id. Running, feature maps may overwrite it. */
static void judge_input(struct machine *m)
{
    uint32_t number = number_held(m);
    if (number == 0)
        diverge(m, "an input is held that was not offered", setup.progress + ID, peek(m, setup.progress + ID));
    if (memcmp(m->memory + setup.input.start, setup.inputs + (number - 1u) * setup.input.size, setup.input.size) != 0)
        diverge(m, "an input is held that is not complete", setup.input.start, (int32_t)number);
}

void judge(struct machine *m, uint32_t address, uint16_t old)
{
    const uint16_t cursor = cursor_now(m);
    if (address == setup.taken) { /* the program itself says that its answer may be read, from which memory ever */
        uint32_t number = peek(m, address);
        if (number != old && number != old + 1u)
            diverge(m, "an answer to an input that was not offered", address, (int32_t)number);
        judge_answer(m, number == number_held(m) ? number : 0);
    }
    if (cursor == setup.done)
        judge_answer(m, number_held(m));
    if (cursor == 0 && peek(m, setup.progress + HELD) == 1u)
        judge_input(m);
}
