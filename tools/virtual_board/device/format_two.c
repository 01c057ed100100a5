/* The instructions with one operand, the calls and the stack. */

#include "cpu.h"
#include "semihost.h"

/* RRC, RRA, RRU, SWPB and SXT of a value that is size wide; SXT gives all 20 bits. */
ALWAYS_INLINE uint32_t shift(struct machine *m, unsigned operation, int size, uint32_t v)
{
    uint32_t result;
    bool out = (v & 1u) != 0;
    switch (operation) {
    case SWPB: /* bits 19:16 of an address word stay */
        return (v & ~0xFFFFu) | (v >> 8 & 0xFFu) | (v & 0xFFu) << 8;
    case SXT:
        result = v & 0x80u ? v | 0xFFF00u : v & 0xFFu;
        set_flags(m, result, (result & mask_of(size)) != 0, false, size);
        return result;
    case RRC:
        result = v >> 1 | (m->r[SR] & FLAG_C ? sign_of(size) : 0u);
        break;
    case RRA:
        result = v >> 1 | (v & sign_of(size));
        break;
    default:
        result = v >> 1;
        break;
    }
    set_flags(m, result, out, false, size);
    return result;
}

ALWAYS_INLINE void execute(struct machine *m, const struct insn *i, unsigned operation, int size, bool in_memory)
{
    if (!in_memory) {
        uint32_t v = i->smode == BY_REGISTER ? m->r[i->sreg] : i->sx;
        v = shift(m, operation, size, v & mask_of(size));
        if (i->smode == BY_REGISTER)
            set_register(m, i->sreg, v);
        return;
    }
    uint32_t at = address_of(m, i->smode, i->sreg, i->sx, size);
    save(m, at, shift(m, operation, size, load(m, at, size)) & mask_of(size), size);
}

#define VARIANT(op, size, memory)                                                                                      \
    static void op##_##size##_##memory(struct machine *m, const struct insn *i)                                        \
    {                                                                                                                  \
        execute(m, i, op, size, memory);                                                                               \
    }
#define OPERATION(op)                                                                                                  \
    VARIANT(op, BYTE, 0)                                                                                               \
    VARIANT(op, BYTE, 1)                                                                                               \
    VARIANT(op, WORD, 0) VARIANT(op, WORD, 1) VARIANT(op, ADDRESS, 0) VARIANT(op, ADDRESS, 1)

OPERATION(RRC)
OPERATION(SWPB)
OPERATION(RRA)
OPERATION(SXT)
OPERATION(RRU)

static uint32_t value_of(struct machine *m, const struct insn *i, int size)
{
    if (i->smode == BY_REGISTER)
        return m->r[i->sreg] & mask_of(size);
    if (i->smode == BY_CONSTANT)
        return i->sx & mask_of(size);
    return load(m, address_of(m, i->smode, i->sreg, i->sx, size), size);
}

/* SP is decremented first: PUSH SP and PUSH X(SP) see the new one. */
static void push(struct machine *m, const struct insn *i, int size)
{
    m->r[SP] = (m->r[SP] - (size == ADDRESS ? 4u : 2u)) & TOP;
    uint32_t value = value_of(m, i, size);
    save(m, m->r[SP], value, size);
}

static void push_byte(struct machine *m, const struct insn *i)
{
    push(m, i, BYTE);
}

static void push_word_operand(struct machine *m, const struct insn *i)
{
    push(m, i, WORD);
}

static void push_address(struct machine *m, const struct insn *i)
{
    push(m, i, ADDRESS);
}

/* The target is known before the stack moves. */
static void call(struct machine *m, const struct insn *i)
{
    uint32_t target = value_of(m, i, WORD);
    if (m->semihosting && semihost(m, target))
        return;
    push_word(m, (uint16_t)m->r[PC]);
    m->r[PC] = target & ~1u;
}

void run_calla(struct machine *m, const struct insn *i)
{
    uint32_t target = value_of(m, i, ADDRESS);
    if (m->semihosting && semihost(m, target))
        return;
    push_word(m, (uint16_t)(m->r[PC] >> 16));
    push_word(m, (uint16_t)m->r[PC]);
    m->r[PC] = target & ~1u;
}

/* The saved status word carries bits 19:16 of the program counter in its own bits 15:12. */
void run_reti(struct machine *m, const struct insn *i)
{
    (void)i;
    uint32_t status = read_word(m, m->r[SP]);
    uint32_t low = read_word(m, m->r[SP] + 2u);
    m->r[SP] = (m->r[SP] + 4u) & TOP;
    m->r[PC] = ((status & 0xF000u) << 4 | low) & ~1u;
    set_status(m, status);
    m->gie_before = (status & SR_GIE) != 0; /* what waits is taken at once */
}

static void push_registers(struct machine *m, const struct insn *i, int size)
{
    for (unsigned k = 0; k <= i->count; k++) {
        unsigned n = (i->sreg - k) & 15u;
        m->r[SP] = (m->r[SP] - (size == ADDRESS ? 4u : 2u)) & TOP;
        save(m, m->r[SP], m->r[n], size);
    }
}

static void pop_registers(struct machine *m, const struct insn *i, int size)
{
    for (unsigned k = 0; k <= i->count; k++) {
        uint32_t value = load(m, m->r[SP], size);
        m->r[SP] = (m->r[SP] + (size == ADDRESS ? 4u : 2u)) & TOP;
        set_register(m, (i->sreg + k) & 15u, value);
    }
}

static void push_words(struct machine *m, const struct insn *i)
{
    push_registers(m, i, WORD);
}

static void push_addresses(struct machine *m, const struct insn *i)
{
    push_registers(m, i, ADDRESS);
}

static void pop_words(struct machine *m, const struct insn *i)
{
    pop_registers(m, i, WORD);
}

static void pop_addresses(struct machine *m, const struct insn *i)
{
    pop_registers(m, i, ADDRESS);
}

runner push_many(int size)
{
    return size == ADDRESS ? push_addresses : push_words;
}

runner pop_many(int size)
{
    return size == ADDRESS ? pop_addresses : pop_words;
}

#define ROW(op)                                                                                                        \
    {                                                                                                                  \
        {op##_BYTE_0, op##_BYTE_1}, {op##_WORD_0, op##_WORD_1},                                                        \
        {                                                                                                              \
            op##_ADDRESS_0, op##_ADDRESS_1                                                                             \
        }                                                                                                              \
    }

runner format_two(unsigned operation, int size, bool in_memory)
{
    static const runner shifts[4][3][2] = {ROW(RRC), ROW(SWPB), ROW(RRA), ROW(SXT)};
    static const runner unsigned_shift[3][2] = ROW(RRU);
    static const runner pushes[3] = {push_byte, push_word_operand, push_address};
    if (operation == CALL)
        return call;
    if (operation == PUSH)
        return pushes[size];
    return operation == RRU ? unsigned_shift[size][in_memory] : shifts[operation][size][in_memory];
}
