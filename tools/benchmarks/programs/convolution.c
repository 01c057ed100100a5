/* What the firmware does most: multiply-accumulate over an image, with the hardware multiplier, results in FRAM. */
#include <stdint.h>
#include <stdio.h>

#define SIDE 24
#define KERNEL 5
#define RESULT (SIDE - KERNEL + 1)

static int16_t image[SIDE][SIDE];
static const int8_t weights[KERNEL][KERNEL] = {
    {3, -7, 1, 0, 5}, {-2, 9, 4, -6, 1}, {8, 0, -3, 2, 7}, {-5, 6, 1, -1, 0}, {2, -4, 3, 5, -9}};
__attribute__((section(".persistent"))) static int16_t result[RESULT][RESULT] = {{1}};

int main(void)
{
    uint16_t sum = 0;

    for (uint16_t round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < SIDE * SIDE; i++)
            image[i / SIDE][i % SIDE] = (int16_t)(i * 73U + round * 19U);
        for (int y = 0; y < RESULT; y++) {
            for (int x = 0; x < RESULT; x++) {
                int32_t value = 1 << 7;
                for (int r = 0; r < KERNEL; r++) {
                    for (int c = 0; c < KERNEL; c++)
                        value += (int32_t)image[y + r][x + c] * weights[r][c];
                }
                result[y][x] = (int16_t)(value >> 8);
                sum = (uint16_t)(sum * 31U + (uint16_t)result[y][x]);
            }
        }
    }
    printf("%04x\n", sum);
    return 0;
}
