/* Calls, comparisons and moves in SRAM: newlib's qsort. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 500

static int16_t numbers[COUNT];

static int compare(const void *a, const void *b)
{
    const int16_t x = *(const int16_t *)a, y = *(const int16_t *)b;
    return x < y ? -1 : x > y;
}

int main(void)
{
    uint32_t state = 1;
    uint16_t sum = 0;

    for (uint16_t round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) {
            state = state * 1664525UL + 1013904223UL;
            numbers[i] = (int16_t)(state >> 16);
        }
        qsort(numbers, COUNT, sizeof numbers[0], compare);
        for (int i = 0; i < COUNT; i++)
            sum = (uint16_t)(sum * 31U + (uint16_t)numbers[i]);
    }
    printf("%04x\n", sum);
    return 0;
}
