/* The CPUX core: what executing an instruction needs. */

#ifndef CPU_H
#define CPU_H

#include "memory.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { BYTE, WORD, ADDRESS };

/* How an operand is found. Symbolic and absolute addresses are known when the instruction is decoded. */
enum { BY_REGISTER, BY_CONSTANT, BY_ABSOLUTE, BY_INDEX, BY_INDEX20, BY_POINTER, BY_INCREMENT };

/* Format I operations as they are encoded. */
enum { MOV = 4, ADD, ADDC, SUBC, SUB, CMP, DADD, BIT, BIC, BIS, XOR, AND };
/* Format II operations as they are encoded, and RRU, which only RRUM and RRUX have. */
enum { RRC, SWPB, RRA, SXT, PUSH, CALL, RRU };

typedef void (*runner)(struct machine *m, const struct insn *d);

static inline uint32_t mask_of(int size)
{
    return size == BYTE ? 0xFFu : size == WORD ? 0xFFFFu : TOP;
}

static inline uint32_t sign_of(int size)
{
    return size == BYTE ? 0x80u : size == WORD ? 0x8000u : 0x80000u;
}

ALWAYS_INLINE uint32_t load(struct machine *m, uint32_t address, int size)
{
    if (size == BYTE)
        return read_byte(m, address);
    uint32_t value = read_word(m, address);
    if (size == ADDRESS)
        value |= (uint32_t)(read_word(m, address + 2u) & 0xFu) << 16;
    return value;
}

/* A 20-bit value is two bus writes, the low word first. */
ALWAYS_INLINE void save(struct machine *m, uint32_t address, uint32_t value, int size)
{
    if (size == BYTE) {
        write_byte(m, address, (uint8_t)value);
        return;
    }
    write_word(m, address, (uint16_t)value);
    if (size == ADDRESS)
        write_word(m, address + 2u, (uint16_t)(value >> 16 & 0xFu));
}

void set_status(struct machine *m, uint32_t value);

/* PC, SP and SR have bits that do not exist, and R3 keeps nothing. */
static inline void set_register(struct machine *m, unsigned n, uint32_t value)
{
    if (n > CG)
        m->r[n] = value;
    else if (n <= SP)
        m->r[n] = value & ~1u;
    else if (n == SR)
        set_status(m, value);
}

static inline void push_word(struct machine *m, uint16_t value)
{
    m->r[SP] = (m->r[SP] - 2u) & TOP;
    write_word(m, m->r[SP], value);
}

/* The address of an operand in memory. */
static inline uint32_t address_of(struct machine *m, int mode, unsigned n, uint32_t index, int size)
{
    uint32_t base = m->r[n];
    switch (mode) {
    case BY_INDEX: /* below 64 KB the sum stays there: SLAU367 4.4.2.1 */
        return (base + index) & (base < 0x10000u ? 0xFFFFu : TOP);
    case BY_INDEX20:
        return (base + index) & TOP;
    case BY_POINTER:
        return base;
    case BY_INCREMENT: /* the stack pointer stays even */
        m->r[n] = (base + (size == BYTE && n != SP ? 1u : size == ADDRESS ? 4u : 2u)) & TOP;
        return base;
    default:
        return index;
    }
}

ALWAYS_INLINE void set_flags(struct machine *m, uint32_t result, bool carry, bool overflow, int size)
{
    uint32_t flags = carry ? FLAG_C : 0u;
    if ((result & mask_of(size)) == 0)
        flags |= FLAG_Z;
    if (result & sign_of(size))
        flags |= FLAG_N;
    if (overflow)
        flags |= FLAG_V;
    m->r[SR] = (m->r[SR] & (uint32_t)~(FLAG_C | FLAG_Z | FLAG_N | FLAG_V)) | flags;
}

void decode(struct machine *m, uint32_t address);
runner format_one(unsigned operation, int size, bool from_memory, bool to_memory);
runner format_two(unsigned operation, int size, bool in_memory);
runner jump_on(unsigned condition);
runner push_many(int size);
runner pop_many(int size);
void run_calla(struct machine *m, const struct insn *d);
void run_reti(struct machine *m, const struct insn *d);
void run_many(struct machine *m, const struct insn *d); /* RPT and RRxM: d->once again and again */
void run_illegal(struct machine *m, const struct insn *d);

/* Cycles by TI's tables, without wait states. */
enum cost_source { FROM_REGISTER, FROM_POINTER, FROM_IMMEDIATE, FROM_INDEX };
uint8_t cost_one(unsigned operation, int size, bool extended, enum cost_source source, bool to_memory, bool to_pc);
uint8_t cost_two(unsigned operation, int size, bool extended, int mode, bool increment, bool absolute, bool on_stack);

/* Runs until something stops it. */
void run(struct machine *m);

/* Leaves the instruction where the run ends or the power is lost. */
void check_limits(struct machine *m);

/* A reset with its SYSRSTIV value: registers and peripherals start again, memory stays. */
void reset(struct machine *m, unsigned cause);

/* An interrupt source, by its vector's index above 0xFF90. */
void interrupt(struct machine *m, unsigned vector, bool pending);

#endif
