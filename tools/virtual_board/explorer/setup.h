/* What is explored: the device, the program, where its state lies, and what it is to answer. */

#ifndef SETUP_H
#define SETUP_H

#include "machine.h"

#define RANGES 16u

struct ranges {
    struct range at[RANGES];
    unsigned count;
};

struct setup {
    struct ranges state;     /* FRAM that the program may write */
    struct ranges arenas;    /* of it: what the cold start finds full of random words */
    struct ranges forbidden; /* diagnostic words: boot counters and timings, which no inference may touch */
    struct ranges statics;   /* variables in SRAM that start-up sets */
    struct ranges outputs;   /* in the order of the answers */
    struct range input;
    uint32_t progress; /* cursor, held, id: four words */
    uint32_t taken;    /* the environment's word: how many answers it has taken */
    uint32_t stack;    /* where the stack begins, downward */
    uint64_t done;     /* the cursor that says so */
    uint64_t seed, max_states, patience, stride, schedules;
    const char *elf;
    uint8_t *inputs, *expected; /* little-endian words, one after the other */
    uint32_t answer_bytes;
    uint32_t count; /* of inputs */
};

extern struct setup setup;

/* Reads name=value arguments, makes the device and programs it. Ends the process where they do not fit. */
void setup_read(struct machine *m, int count, char **arguments);

static inline bool within(const struct ranges *ranges, uint32_t address)
{
    for (unsigned i = 0; i < ranges->count; i++) {
        if (address - ranges->at[i].start < ranges->at[i].size)
            return true;
    }
    return false;
}

#endif
