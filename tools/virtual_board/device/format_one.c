/* The instructions with two operands. */

#include "cpu.h"

/* Digit by digit; what is no decimal digit gives what the adder gives. */
static uint32_t decimal_sum(uint32_t a, uint32_t b, bool *carry, int size)
{
    uint32_t sum = 0;
    for (unsigned shift = 0; shift < (size == BYTE ? 8u : size == WORD ? 16u : 20u); shift += 4) {
        uint32_t digit = (a >> shift & 0xFu) + (b >> shift & 0xFu) + (*carry ? 1u : 0u);
        *carry = digit > 9u;
        sum |= ((*carry ? digit + 6u : digit) & 0xFu) << shift;
    }
    return sum;
}

/* Result and flags of an operation. */
ALWAYS_INLINE uint32_t compute(struct machine *m, unsigned operation, int size, uint32_t s, uint32_t d)
{
    uint32_t mask = mask_of(size), sign = sign_of(size), result;
    bool carry = (m->r[SR] & FLAG_C) != 0;
    switch (operation) {
    case MOV:
        return s;
    case BIC:
        return d & ~s;
    case BIS:
        return d | s;
    case AND:
    case BIT:
        result = d & s;
        set_flags(m, result, result != 0, false, size);
        return result;
    case XOR:
        result = d ^ s;
        set_flags(m, result, result != 0, (d & s & sign) != 0, size);
        return result;
    case DADD: /* V is undefined: left as it is */
        result = decimal_sum(s, d, &carry, size);
        set_flags(m, result, carry, (m->r[SR] & FLAG_V) != 0, size);
        return result;
    case SUB:
    case CMP:
    case SUBC:
        s = ~s & mask;
        carry = operation == SUBC ? carry : true;
        break;
    case ADD:
        carry = false;
        break;
    default:
        break;
    }
    result = s + d + (carry ? 1u : 0u);
    set_flags(m, result, result > mask, (~(s ^ d) & (s ^ result) & sign) != 0, size);
    return result & mask;
}

ALWAYS_INLINE void execute(struct machine *m, const struct insn *i, unsigned operation, int size, bool from_memory,
                           bool to_memory)
{
    uint32_t s;
    if (from_memory)
        s = load(m, address_of(m, i->smode, i->sreg, i->sx, size), size);
    else
        s = (i->smode == BY_REGISTER ? m->r[i->sreg] : i->sx) & mask_of(size);
    if (!to_memory) {
        uint32_t result = compute(m, operation, size, s, m->r[i->dreg] & mask_of(size));
        if (operation != CMP && operation != BIT)
            set_register(m, i->dreg, result);
        return;
    }
    uint32_t at = address_of(m, i->dmode, i->dreg, i->dx, size);
    uint32_t result = compute(m, operation, size, s, operation == MOV ? 0u : load(m, at, size));
    if (operation != CMP && operation != BIT)
        save(m, at, result, size);
}

#define VARIANT(op, size, from, to)                                                                                    \
    static void op##_##size##_##from##to(struct machine *m, const struct insn *i)                                      \
    {                                                                                                                  \
        execute(m, i, op, size, from, to);                                                                             \
    }
#define SIZED(op, size) VARIANT(op, size, 0, 0) VARIANT(op, size, 0, 1) VARIANT(op, size, 1, 0) VARIANT(op, size, 1, 1)
#define OPERATION(op) SIZED(op, BYTE) SIZED(op, WORD) SIZED(op, ADDRESS)

OPERATION(MOV)
OPERATION(ADD)
OPERATION(ADDC)
OPERATION(SUBC)
OPERATION(SUB)
OPERATION(CMP)
OPERATION(DADD)
OPERATION(BIT)
OPERATION(BIC)
OPERATION(BIS)
OPERATION(XOR)
OPERATION(AND)

#define ROW(op, size)                                                                                                  \
    {                                                                                                                  \
        {op##_##size##_00, op##_##size##_01},                                                                          \
        {op##_##size##_10, op##_##size##_11},                                                                          \
    }
#define TABLE(op) {ROW(op, BYTE), ROW(op, WORD), ROW(op, ADDRESS)}

static const runner runners[12][3][2][2] = {
    TABLE(MOV),  TABLE(ADD), TABLE(ADDC), TABLE(SUBC), TABLE(SUB), TABLE(CMP),
    TABLE(DADD), TABLE(BIT), TABLE(BIC),  TABLE(BIS),  TABLE(XOR), TABLE(AND),
};

runner format_one(unsigned operation, int size, bool from_memory, bool to_memory)
{
    return runners[operation - MOV][size][from_memory][to_memory];
}
