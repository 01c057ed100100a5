/* The 32-bit hardware multiplier MPY32. */

#ifndef MPY32_H
#define MPY32_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct mpy32 {
    uint32_t op1, op2;
    uint64_t result; /* RES3..RES0 as they are, neither shifted nor saturated */
    uint64_t before; /* what they were when the last operation began */
    uint16_t ctl0, sumext;
    uint64_t busy, busy_until; /* cycles of all operations, and when the last one ends */
    uint64_t ready[4];         /* the cycle from which RES0..RES3 may be read */
};

void mpy32_reset(struct machine *m);
uint16_t mpy32_read(struct machine *m, uint32_t offset);
void mpy32_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

#endif
