/* The memory protection unit: three segments of main FRAM and the information memory. */

#ifndef MPU_H
#define MPU_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum { MPU_READ = 1, MPU_WRITE = 2, MPU_EXECUTE = 4 };

struct mpu {
    bool present, unlocked, on;
    uint16_t ctl0, ctl1, upper, lower, rights;
};

void mpu_reset(struct machine *m, unsigned cause);
uint16_t mpu_read(struct machine *m, uint32_t offset);
void mpu_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

/* Whether FRAM at this address may be used so. Where not, its flag is set, and the device is reset where that was asked
 * for; otherwise a write is lost and a read or fetch finds 0x3FFF, a jump to itself.
 */
bool mpu_allows(struct machine *m, uint32_t address, unsigned right);

#define MPU_FORBIDDEN 0x3FFFu

#endif
