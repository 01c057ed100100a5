/* What generated C of the usual kind shares: plain loops over static arrays, one function a layer, no restart. */
#ifndef PLAIN_H
#define PLAIN_H

#include <stdint.h>

#ifdef PLAIN_FLOAT
typedef float value_t;
#else
typedef int16_t value_t;
#endif

/* In FRAM, as everything here: the maps do not fit into SRAM. */
#define TABLE __attribute__((section(".tables")))
#define MAP __attribute__((section(".maps")))

extern const uint8_t plain_input[];
extern value_t plain_output[];

/* One inference on plain_input. */
void plain_network(void);

#endif
