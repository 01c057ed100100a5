/* PMM, SYS and the special function registers: resets and what they leave behind. */

#ifndef POWER_H
#define POWER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

/* What SYSRSTIV says of a reset. */
enum {
    CAUSE_BOR = 0x02,
    CAUSE_SOFTWARE_BOR = 0x06,
    CAUSE_SOFTWARE_POR = 0x14,
    CAUSE_WDT_TIMEOUT = 0x16,
    CAUSE_WDT_PASSWORD = 0x18,
    CAUSE_FRCTL_PASSWORD = 0x1A,
    CAUSE_PMM_PASSWORD = 0x20,
    CAUSE_MPU_PASSWORD = 0x22,
    CAUSE_CS_PASSWORD = 0x24,
    CAUSE_MPU_INFO = 0x28, /* these four are recalled; 0x26 is that of IP encapsulation */
    CAUSE_MPU_SEGMENT_1 = 0x2A,
    CAUSE_MPU_SEGMENT_2 = 0x2C,
    CAUSE_MPU_SEGMENT_3 = 0x2E
};

enum { LOCKLPM5 = 0x0001 };
enum { WDTIE = 0x0001, WDTIFG = 0x0001 };

struct power {
    bool unlocked;
    uint16_t pmmctl0, pmmifg, pm5ctl0;
    uint16_t ie1, ifg1, sysctl;
    uint32_t causes; /* bit SYSRSTIV / 2 */
};

void power_reset(struct machine *m, unsigned cause);

uint16_t pmm_read(struct machine *m, uint32_t offset);
void pmm_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);
uint16_t sfr_read(struct machine *m, uint32_t offset);
void sfr_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);
uint16_t sys_read(struct machine *m, uint32_t offset);
void sys_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

#endif
