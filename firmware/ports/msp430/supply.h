/* The supply voltage, so that a firmware can decide how much to do with the charge that is left. */
#ifndef SUPPLY_H
#define SUPPLY_H

#include <stdint.h>

/* What port_supply() gives at so many millivolts, up to 4000: half of them against a reference of 2.0 V, in 12 bits. */
#define SUPPLY_CODE(millivolts) ((uint16_t)(((uint32_t)(millivolts) * 4095UL + 2000UL) / 4000UL))

/* One conversion: SUPPLY_CODE of the voltage now. */
uint16_t port_supply(void);

#endif
