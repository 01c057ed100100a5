/* SLAU367 chapter "32-Bit Hardware Multiplier". Where it leaves something open the comment says so. */

#include "mpy32.h"

#include "machine.h"

enum { MPYC = 0x0001, MPYFRAC = 0x0004, MPYSAT = 0x0008, MPYM = 0x0030, OP1_32 = 0x0040, OP2_32 = 0x0080 };
enum { MPYDLYWRTEN = 0x0100, MPYDLY32 = 0x0200, CTL0_BITS = 0x03FD };
enum { SIGNED = 0x10, ACCUMULATE = 0x20 }; /* the two bits of MPYM */
enum { OP2 = 0x08, RESLO = 0x0A, RESHI = 0x0C, SUMEXT = 0x0E, MPY32L = 0x10, OP2L = 0x20, OP2H = 0x22, RES0 = 0x24 };
enum { CTL0 = 0x2C };

#define MIN32 UINT64_C(0x80000000)
#define MAX32 UINT64_C(0x7FFFFFFF)
#define MIN64 (UINT64_C(1) << 63)

void mpy32_reset(struct machine *m)
{
    static const struct mpy32 off;
    uint64_t busy = m->mpy32.busy;
    m->mpy32 = off;
    m->mpy32.busy = busy;
}

/* The result of 16x16-bit operations has 32 bits and that of the others 64. */
static bool is_wide(const struct mpy32 *u)
{
    return (u->ctl0 & (OP1_32 | OP2_32)) != 0;
}

/* Beyond the signed range; in fractional mode reading doubles the value, so the range is half of it. */
static bool overflows(uint64_t result, bool carry, bool wide, bool fractional)
{
    uint64_t sign = wide ? MIN64 : MIN32;
    uint64_t bits = fractional ? sign | sign >> 1 : sign;
    return carry ? (result & bits) != bits : (result & bits) != 0;
}

static uint64_t saturated(uint64_t result, bool carry, bool wide)
{
    if (wide)
        return carry ? MIN64 : MIN64 - 1u;
    return (result & ~UINT64_C(0xFFFFFFFF)) | (carry ? MIN32 : MAX32);
}

/* What reading the result registers gives. */
static uint64_t adjusted(const struct mpy32 *u, uint64_t result)
{
    bool carry = (u->ctl0 & MPYC) != 0, fractional = (u->ctl0 & MPYFRAC) != 0, wide = is_wide(u);
    if ((u->ctl0 & MPYSAT) && overflows(result, carry, wide, fractional))
        return saturated(result, carry, wide);
    if (!fractional)
        return result;
    return wide ? result << 1 : (result & ~UINT64_C(0xFFFFFFFF)) | (result << 1 & UINT64_C(0xFFFFFFFF));
}

static uint64_t widened(uint32_t value, bool wide, bool with_sign)
{
    uint64_t sign = wide ? MIN32 : 0x8000u;
    uint64_t bits = wide ? value : value & 0xFFFFu;
    return with_sign ? (bits ^ sign) - sign : bits;
}

/* 32-bit result with a carry that is bit 32 of the sum. RES2 and RES3 extend it: not specified for 16x16. */
static void narrow_operation(struct mpy32 *u, uint64_t product, uint64_t old)
{
    bool with_sign = (u->ctl0 & SIGNED) != 0;
    uint64_t base = (u->ctl0 & ACCUMULATE) ? widened((uint32_t)old, true, with_sign) : 0;
    uint64_t sum = base + product;
    bool carry = (sum >> 32 & 1u) != 0, negative = (sum & MIN32) != 0;
    u->ctl0 = (uint16_t)((u->ctl0 & ~MPYC) | (carry ? MPYC : 0));
    u->sumext = with_sign ? (negative ? 0xFFFFu : 0u) : (uint16_t)carry;
    u->result = (sum & UINT64_C(0xFFFFFFFF)) | (with_sign && negative ? UINT64_C(0xFFFFFFFF00000000) : 0);
}

static void wide_operation(struct mpy32 *u, uint64_t product, uint64_t old)
{
    bool with_sign = (u->ctl0 & SIGNED) != 0;
    uint64_t base = (u->ctl0 & ACCUMULATE) ? old : 0;
    uint64_t sum = base + product;
    bool carry = sum < base, negative = (sum & MIN64) != 0;
    if (with_sign) /* bit 64 of the sum of two sign-extended numbers */
        carry = ((base ^ product) & MIN64) ? !carry : (base & MIN64) != 0;
    u->ctl0 = (uint16_t)((u->ctl0 & ~MPYC) | (carry ? MPYC : 0));
    u->sumext = with_sign ? (negative ? 0xFFFFu : 0u) : (uint16_t)carry;
    u->result = sum;
}

/* MCLK cycles after the last operand until RES0..RES3 are there: tables 5-1, 5-5 and 5-6. */
static void set_ready(struct machine *m, bool wide_both, bool wide_any, bool last_half)
{
    static const uint8_t narrow[4] = {3, 3, 4, 4}, mixed[4] = {3, 5, 6, 7}, mixed_half[4] = {3, 4, 4, 4};
    static const uint8_t both_half[4] = {3, 5, 6, 6};
    struct mpy32 *u = &m->mpy32;
    const uint8_t *table = !wide_any ? narrow : wide_both ? both_half : last_half ? mixed_half : mixed;
    uint64_t end = m->cycles + m->now->cycles; /* the operand is written in the last cycle */
    for (int i = 0; i < 4; i++) {
        bool all = (u->ctl0 & MPYSAT) && wide_any; /* saturation needs the last word */
        u->ready[i] = end + table[all ? 3 : i];
    }
    uint64_t done = u->ready[wide_any ? 3 : 1], from = u->busy_until > end ? u->busy_until : end;
    u->busy += done > from ? done - from : 0;
    u->busy_until = done;
}

static void multiply(struct machine *m, bool last_half)
{
    struct mpy32 *u = &m->mpy32;
    bool wide1 = (u->ctl0 & OP1_32) != 0, wide2 = (u->ctl0 & OP2_32) != 0, with_sign = (u->ctl0 & SIGNED) != 0;
    uint64_t product = widened(u->op1, wide1, with_sign) * widened(u->op2, wide2, with_sign);
    uint64_t old = u->result;
    u->before = u->result;
    if ((u->ctl0 & MPYSAT) && overflows(old, (u->ctl0 & MPYC) != 0, wide1 || wide2, false))
        old = saturated(old, (u->ctl0 & MPYC) != 0, wide1 || wide2);
    if (wide1 || wide2)
        wide_operation(u, product, old);
    else
        narrow_operation(u, product, old);
    set_ready(m, wide1 && wide2, wide1 || wide2, last_half);
}

/* A byte written to an operand is extended within the multiplier: 5.2.3. */
static uint16_t operand(const struct mpy32 *u, uint16_t value, uint16_t mask)
{
    if (mask == 0xFFFFu)
        return value;
    uint16_t byte = mask == 0x00FFu ? value & 0xFFu : (uint16_t)(value >> 8);
    return (u->ctl0 & SIGNED) && (byte & 0x80u) ? byte | 0xFF00u : byte;
}

static void set_low(uint32_t *op, uint16_t value)
{
    *op = (*op & 0xFFFF0000u) | value;
}

static void set_high(uint32_t *op, uint16_t value)
{
    *op = (*op & 0xFFFFu) | (uint32_t)value << 16;
}

static unsigned result_index(uint32_t offset)
{
    return offset >= RES0 ? (offset - RES0) >> 1 : (offset - RESLO) >> 1;
}

static bool is_result(uint32_t offset)
{
    return offset == RESLO || offset == RESHI || (offset >= RES0 && offset < CTL0);
}

static uint16_t read_result(struct machine *m, unsigned index)
{
    struct mpy32 *u = &m->mpy32;
    uint64_t value = u->result;
    if (m->cycles + m->now->read_at < u->ready[index]) { /* too early: what was there before */
        m->count.early_reads++;
        value = u->before;
    }
    return (uint16_t)(adjusted(u, value) >> (16u * index));
}

static uint16_t sum_extension(const struct mpy32 *u)
{
    if (!(u->ctl0 & MPYFRAC) || !(u->ctl0 & SIGNED))
        return u->sumext;
    /* bits 32 and 33 (64 and 65) of the doubled result */
    uint16_t low = (uint16_t)((u->result & (is_wide(u) ? MIN64 : MIN32)) != 0);
    return u->ctl0 & MPYC ? (uint16_t)(0xFFFEu | low) : low;
}

uint16_t mpy32_read(struct machine *m, uint32_t offset)
{
    struct mpy32 *u = &m->mpy32;
    if (is_result(offset))
        return read_result(m, result_index(offset));
    if (offset == SUMEXT)
        return sum_extension(u);
    if (offset == CTL0)
        return u->ctl0;
    if (offset == OP2 || offset == OP2L)
        return (uint16_t)u->op2;
    if (offset == OP2H)
        return (uint16_t)(u->op2 >> 16);
    return (uint16_t)(offset >= MPY32L && (offset & 2u) ? u->op1 >> 16 : u->op1);
}

/* Delayed writes wait for the result that is being computed. */
static void wait_for_result(struct machine *m)
{
    const struct mpy32 *u = &m->mpy32;
    uint64_t ready = u->ctl0 & MPYDLY32 ? u->ready[1] : u->ready[3];
    if ((u->ctl0 & MPYDLYWRTEN) && ready > m->cycles + m->now->cycles) {
        m->count.waits += ready - (m->cycles + m->now->cycles);
        m->cycles = ready - m->now->cycles;
    }
}

static void write_control(struct mpy32 *u, uint16_t value, uint16_t mask)
{
    u->ctl0 = (uint16_t)((u->ctl0 & ~mask) | (value & mask & CTL0_BITS));
    if ((u->ctl0 & ACCUMULATE) && !(u->ctl0 & SIGNED))
        u->sumext = u->ctl0 & MPYC;
}

void mpy32_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct mpy32 *u = &m->mpy32;
    if (offset == CTL0) {
        write_control(u, value, mask);
        return;
    }
    wait_for_result(m);
    if (is_result(offset)) {
        unsigned shift = 16u * result_index(offset);
        u->result = (u->result & ~((uint64_t)mask << shift)) | (uint64_t)(value & mask) << shift;
    } else if (offset < OP2) { /* MPY, MPYS, MAC, MACS */
        u->ctl0 = (uint16_t)((u->ctl0 & ~(unsigned)(MPYM | OP1_32)) | offset << 3);
        set_low(&u->op1, operand(u, value, mask));
    } else if (offset >= MPY32L && offset < OP2L) {
        u->ctl0 = (uint16_t)((u->ctl0 & ~(unsigned)MPYM) | OP1_32 | (offset - MPY32L) >> 2 << 4);
        if (offset & 2u)
            set_high(&u->op1, operand(u, value, mask));
        else
            set_low(&u->op1, mask == 0xFFFFu ? value : operand(u, value, mask));
    } else if (offset == OP2) {
        u->ctl0 &= (uint16_t)~OP2_32;
        set_low(&u->op2, operand(u, value, mask));
        multiply(m, false);
    } else if (offset == OP2L) {
        u->ctl0 |= OP2_32;
        set_low(&u->op2, operand(u, value, mask));
    } else if (offset == OP2H) {
        u->ctl0 |= OP2_32;
        set_high(&u->op2, operand(u, value, mask));
        multiply(m, true);
    }
}
