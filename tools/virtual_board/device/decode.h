/* Reading the words of an instruction. */

#ifndef DECODE_H
#define DECODE_H

#include "cpu.h"

struct reader {
    struct machine *m;
    uint32_t next;
};

static inline uint32_t take(struct reader *in)
{
    uint32_t word = peek(in->m, in->next);
    in->next = (in->next + 2u) & TOP;
    return word;
}

static inline uint32_t signed16(uint32_t value)
{
    return ((value ^ 0x8000u) - 0x8000u) & TOP;
}

/* Index, address or immediate with its four upper bits from another word. */
static inline uint32_t extra_word(struct reader *in, uint32_t upper)
{
    return take(in) | upper << 16;
}

static inline bool in_memory(uint8_t mode)
{
    return mode != BY_REGISTER && mode != BY_CONSTANT;
}

/* MOVA, CMPA, ADDA, SUBA, RRCM, RRAM, RLAM, RRUM; and CALLA. */
void decode_address(struct reader *in, struct insn *d, uint32_t word);
void decode_calla(struct reader *in, struct insn *d, uint32_t word);

#endif
