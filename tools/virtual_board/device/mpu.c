/* SLAU367 chapter "Memory Protection Unit (MPU)". IP encapsulation is not simulated. */

#include "mpu.h"

#include "io.h"
#include "machine.h"
#include "memory.h"

enum { MPUCTL0 = 0x0, MPUCTL1 = 0x2, MPUSEGB2 = 0x4, MPUSEGB1 = 0x6, MPUSAM = 0x8, MPUIPC0 = 0xA };
enum { MPUENA = 0x01, MPULOCK = 0x02, MPUSEGIE = 0x10, MPUIPENA = 0x40 };
enum { SEGMENT_INFO = 3, INFO_END = 0x1A00 };
enum { RIGHTS_VIOLATION_RESETS = 8 };

static unsigned segment_at(const struct mpu *u, uint32_t address)
{
    if (address < INFO_END)
        return SEGMENT_INFO;
    return address < (uint32_t)u->lower << 4 ? 0u : address < (uint32_t)u->upper << 4 ? 1u : 2u;
}

/* Words that may not be read take the slow way, and code is decoded again. */
static void apply(struct machine *m)
{
    struct mpu *u = &m->mpu;
    bool was_on = u->on;
    u->on = (u->ctl0 & MPUENA) != 0;
    if (!was_on && !u->on)
        return;
    for (uint32_t word = 0; word < SPACE / 2u; word++) {
        uint8_t kind = m->kind[word];
        if (!(kind & (KIND_FRAM | KIND_GUARDED)))
            continue;
        unsigned segment = segment_at(u, 2u * word);
        bool readable = !u->on || (u->rights >> 4u * segment & MPU_READ);
        m->kind[word] =
            (uint8_t)((kind & ~(KIND_FRAM | KIND_GUARDED | KIND_CODE)) | (readable ? KIND_FRAM : KIND_GUARDED));
        m->code[word].words = 0;
    }
}

void mpu_reset(struct machine *m, unsigned cause)
{
    struct mpu *u = &m->mpu;
    if (!u->present || ((u->ctl0 & MPULOCK) && cause != CAUSE_BOR && cause != CAUSE_SOFTWARE_BOR))
        return; /* what is locked stays until the next brown-out */
    u->unlocked = false;
    u->ctl0 = u->upper = u->lower = 0;
    if (cause == CAUSE_BOR || cause == CAUSE_SOFTWARE_BOR)
        u->ctl1 = 0; /* after a violation the flag says which */
    u->rights = 0x7777;
    apply(m);
}

uint16_t mpu_read(struct machine *m, uint32_t offset)
{
    const struct mpu *u = &m->mpu;
    return offset == MPUCTL0    ? (uint16_t)(0x9600u | u->ctl0)
           : offset == MPUCTL1  ? u->ctl1
           : offset == MPUSEGB2 ? u->upper
           : offset == MPUSEGB1 ? u->lower
           : offset == MPUSAM   ? u->rights
                                : 0;
}

void mpu_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct mpu *u = &m->mpu;
    uint16_t *target = offset == MPUCTL1    ? &u->ctl1
                       : offset == MPUSEGB2 ? &u->upper
                       : offset == MPUSEGB1 ? &u->lower
                       : offset == MPUSAM   ? &u->rights
                                            : 0;
    if (offset == MPUCTL0 && (mask & 0xFF00u)) {
        u->unlocked = (value & 0xFF00u) == 0xA500u;
        if (!u->unlocked && mask == 0xFFFFu)
            io_reset(m, CAUSE_MPU_PASSWORD); /* a byte locks, a word is a violation */
    }
    if (!u->unlocked || ((u->ctl0 & MPULOCK) && offset != MPUCTL1))
        return;
    if (offset == MPUIPC0 && (value & mask & MPUIPENA))
        stop(m, "unsimulated", "the MPU's IP encapsulation is not simulated");
    if (offset == MPUCTL0 && (mask & 0x00FFu))
        u->ctl0 = value & (MPUENA | MPULOCK | MPUSEGIE);
    if (target != 0)
        *target = (uint16_t)((*target & ~mask) | (value & mask));
    if (u->ctl0 & MPUSEGIE)
        stop(m, "unsimulated", "the MPU's interrupt (MPUSEGIE) is not simulated");
    apply(m);
}

bool mpu_allows(struct machine *m, uint32_t address, unsigned right)
{
    static const unsigned causes[4] = {CAUSE_MPU_SEGMENT_1, CAUSE_MPU_SEGMENT_2, CAUSE_MPU_SEGMENT_3, CAUSE_MPU_INFO};
    struct mpu *u = &m->mpu;
    unsigned segment = segment_at(u, address), rights = u->rights >> 4u * segment;
    if (!u->on || (rights & right))
        return true;
    u->ctl1 |= (uint16_t)(1u << segment);
    if (rights & RIGHTS_VIOLATION_RESETS)
        io_reset(m, causes[segment]);
    return false;
}
