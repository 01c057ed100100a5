#include "supply.h"

#include <stdlib.h>

#define HIGHEST 4000UL /* millivolts */

uint16_t supply_code = SUPPLY_CODE(3000);

uint16_t port_supply(void)
{
    const char *text = getenv("SPARSECOMP_SUPPLY_MV");

    if (text != NULL) {
        const unsigned long millivolts = strtoul(text, NULL, 10);
        return SUPPLY_CODE(millivolts < HIGHEST ? millivolts : HIGHEST);
    }
    return supply_code;
}
