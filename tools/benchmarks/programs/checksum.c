/* Shifts and exclusive ors in registers: CRC-16 and CRC-32, a bit at a time. */
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    uint16_t small = 0xFFFFU;
    uint32_t large = 0xFFFFFFFFUL;

    for (uint32_t i = 0; i < 1000UL * ROUNDS; i++) {
        small ^= (uint16_t)((i & 0xFFU) << 8);
        large ^= i & 0xFFU;
        for (int bit = 0; bit < 8; bit++) {
            small = (uint16_t)(small & 0x8000U ? small << 1 ^ 0x1021U : small << 1);
            large = large & 1U ? large >> 1 ^ 0xEDB88320UL : large >> 1;
        }
    }
    printf("%04x %08lx\n", small, (unsigned long)large);
    return 0;
}
