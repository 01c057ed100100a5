/* The instructions for 20-bit addresses, which need no extension word. */

#include "decode.h"

void decode_address(struct reader *in, struct insn *d, uint32_t word)
{
    static const unsigned operations[4] = {MOV, CMP, ADD, SUB};
    unsigned operation = word >> 4 & 0xFu, high = word >> 8 & 0xFu, low = word & 0xFu;
    unsigned alu = operations[operation & 3u];
    bool to_pc = low == PC;
    d->size = ADDRESS;
    d->sreg = (uint8_t)high;
    d->dreg = (uint8_t)low;
    d->smode = d->dmode = BY_REGISTER;
    switch (operation) {
    case 0: /* @Rn, @Rn+ */
    case 1:
        d->smode = operation == 0 ? BY_POINTER : BY_INCREMENT;
        d->cycles = to_pc ? 5 : 3;
        break;
    case 2: /* &EDE */
        d->smode = BY_ABSOLUTE;
        d->sx = extra_word(in, high);
        d->cycles = to_pc ? 6 : 4;
        break;
    case 3: /* X(Rn), 16 bits with a sign */
        d->smode = high == PC ? BY_ABSOLUTE : BY_INDEX20;
        d->sx = high == PC ? in->next : 0;
        d->sx = (d->sx + signed16(take(in))) & TOP;
        d->cycles = to_pc ? 6 : 4;
        break;
    case 6:
        d->dmode = BY_ABSOLUTE;
        d->dx = extra_word(in, low);
        d->cycles = 4;
        break;
    case 7:
        d->dmode = low == PC ? BY_ABSOLUTE : BY_INDEX20;
        d->dx = low == PC ? in->next : 0;
        d->dx = (d->dx + signed16(take(in))) & TOP;
        d->cycles = 4;
        break;
    case 4: /* RRCM, RRAM, RLAM, RRUM */
    case 5: {
        static const unsigned shifts[4] = {RRC, RRA, 0, RRU};
        d->size = operation == 4u ? ADDRESS : WORD;
        d->sreg = (uint8_t)low;
        d->count = (uint8_t)(high >> 2);
        d->once =
            (high & 3u) == 2u ? format_one(ADD, d->size, false, false) : format_two(shifts[high & 3u], d->size, false);
        d->run = run_many;
        d->cycles = 1;
        return;
    }
    default:
        if (operation < 0xCu) { /* an immediate */
            d->smode = BY_CONSTANT;
            d->sx = extra_word(in, high);
        }
        d->cycles = operation == 8u ? (to_pc ? 3 : 2) : operation < 0xCu ? 3 : to_pc ? 3 : 1;
        d->run = format_one(alu, ADDRESS, false, false);
        return;
    }
    d->run = format_one(MOV, ADDRESS, in_memory(d->smode), d->dmode != BY_REGISTER);
}

void decode_calla(struct reader *in, struct insn *d, uint32_t word)
{
    unsigned mode = word >> 4 & 0xFu, n = word & 0xFu;
    uint32_t at = in->next;
    d->size = ADDRESS;
    d->sreg = (uint8_t)n;
    d->run = run_calla;
    switch (mode) {
    case 4: /* Rn */
        d->smode = n == CG ? BY_CONSTANT : BY_REGISTER;
        d->cycles = 5;
        break;
    case 5: /* X(Rn), 16 bits with a sign */
        d->smode = BY_INDEX20;
        d->sx = signed16(take(in));
        d->cycles = n == SP ? 6 : 5;
        break;
    case 6:
    case 7:
        d->smode = mode == 6u ? BY_POINTER : BY_INCREMENT;
        d->cycles = 6;
        break;
    case 8:
        d->smode = BY_ABSOLUTE;
        d->sx = extra_word(in, n);
        d->cycles = 7;
        break;
    case 9:
        d->smode = BY_ABSOLUTE;
        d->sx = (at + extra_word(in, n)) & TOP;
        d->cycles = 7;
        break;
    case 11:
        d->smode = BY_CONSTANT;
        d->sx = extra_word(in, n);
        d->cycles = 5;
        break;
    default:
        d->run = run_illegal;
        break;
    }
}
