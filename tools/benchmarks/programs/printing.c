/* Much code, little of it twice: newlib's printf, which misses the cache more than loops do. */
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    char text[80];
    uint16_t sum = 0;

    for (uint32_t i = 0; i < 30UL * ROUNDS; i++) {
        const int length = snprintf(text, sizeof text, "%lu %d %-8x|%6o %s", (unsigned long)(i * 2654435761UL),
                                    (int)(i * 40503U), (unsigned)i, (unsigned)i & 511U, "a word");
        for (int k = 0; k < length; k++)
            sum = (uint16_t)(sum * 31U + (uint8_t)text[k]);
    }
    printf("%04x\n", sum);
    return 0;
}
