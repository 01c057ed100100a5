#include <stdint.h>
#include <stdio.h>

static uint16_t crc16(uint16_t crc, uint8_t byte)
{
    crc ^= (uint16_t)(byte << 8);
    for (int i = 0; i < 8; i++)
        crc = (uint16_t)(crc & 0x8000U ? crc << 1 ^ 0x1021U : crc << 1);
    return crc;
}

static uint32_t crc32(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (int i = 0; i < 8; i++)
        crc = crc & 1U ? crc >> 1 ^ 0xEDB88320UL : crc >> 1;
    return crc;
}

int main(void)
{
    uint16_t small = 0xFFFF;
    uint32_t large = 0xFFFFFFFF;
    uint64_t product = 1;
    for (unsigned i = 0; i < 300U; i++) {
        small = crc16(small, (uint8_t)(i * 7U));
        large = crc32(large, (uint8_t)(i * 13U));
        product = product * 6364136223846793005ULL + large / (i + 1U) + large % (small | 1U);
        if (i % 25U == 0)
            printf("%04x %08lx %08lx%08lx\n", small, (unsigned long)large, (unsigned long)(product >> 32),
                   (unsigned long)product);
    }
    return (int)(large & 0x7FU);
}
