#include "boots.h"

#include "port.h"
#include "registers.h"

/* SYSRSTIV, SLAU367 chapter SYS */
enum { NONE = 0x00, BROWN_OUT = 0x02, RESET_PIN = 0x04, SOFTWARE = 0x06, WATCHDOG = 0x16, WATCHDOG_PASSWORD = 0x18 };

DIAG static uint16_t counts[BOOT_CAUSES] = {0U};

static uint8_t cause_of(uint16_t vector)
{
    switch (vector) {
    case BROWN_OUT:
        return BOOT_POWER;
    case RESET_PIN:
        return BOOT_RESET_PIN;
    case SOFTWARE:
        return BOOT_FORCED;
    case WATCHDOG:
    case WATCHDOG_PASSWORD:
        return BOOT_WATCHDOG;
    default:
        return BOOT_OTHER;
    }
}

void boots_count_this(void)
{
    uint8_t cause = BOOT_OTHER;
    uint16_t vector = SYSRSTIV;

    if (vector != NONE) {
        cause = cause_of(vector);
    }
    while (vector != NONE) { /* the other causes of the same start */
        vector = SYSRSTIV;
    }
    counts[cause]++;
}

uint16_t boots_count(uint8_t cause)
{
    return counts[cause];
}

uint16_t boots_total(void)
{
    uint16_t total = 0U;
    uint8_t cause;

    for (cause = 0U; cause < BOOT_CAUSES; cause++) {
        total = (uint16_t)(total + counts[cause]);
    }
    return total;
}

const char *boots_name(uint8_t cause)
{
    static const char *const names[BOOT_CAUSES] = {"power", "reset", "forced", "watchdog", "other"};

    return names[cause];
}
