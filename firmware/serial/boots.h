/* Why the device started, counted in .diag. */
#ifndef BOOTS_H
#define BOOTS_H

#include <stdint.h>

enum { BOOT_POWER, BOOT_RESET_PIN, BOOT_FORCED, BOOT_WATCHDOG, BOOT_OTHER, BOOT_CAUSES };

void boots_count_this(void);
uint16_t boots_count(uint8_t cause);
uint16_t boots_total(void);
const char *boots_name(uint8_t cause);

#endif
