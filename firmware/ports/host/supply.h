/* The supply voltage as on a board, so that a firmware that asks for it runs on a host. */
#ifndef SUPPLY_H
#define SUPPLY_H

#include <stdint.h>

/* What port_supply() gives at so many millivolts, up to 4000: half of them against a reference of 2.0 V, in 12 bits. */
#define SUPPLY_CODE(millivolts) ((uint16_t)(((uint32_t)(millivolts) * 4095UL + 2000UL) / 4000UL))

/* What port_supply() gives: 3 V until somebody sets it. */
extern uint16_t supply_code;

/* supply_code, or SUPPLY_CODE of the millivolts in the environment's SPARSECOMP_SUPPLY_MV. */
uint16_t port_supply(void);

#endif
