#include "frame.h"

#include "line.h"

/* Four bits at a time: a table of 16 words, no shift by more than one nibble. */
static uint16_t crc16(const uint8_t *bytes, uint16_t count)
{
    static const uint16_t nibbles[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
                                         0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF};
    uint16_t crc = 0xFFFFU;

    while (count-- != 0U) {
        const uint8_t byte = *bytes++;

        crc = (uint16_t)((uint16_t)(crc << 4) ^ nibbles[((uint8_t)(crc >> 8) ^ byte) >> 4]);
        crc = (uint16_t)((uint16_t)(crc << 4) ^ nibbles[(((uint8_t)(crc >> 8) >> 4) ^ byte) & 15U]);
    }
    return crc;
}

uint16_t frame_decode(uint8_t *bytes, uint16_t count)
{
    uint16_t from = 0U;
    uint16_t to = 0U;

    while (from < count) {
        const uint8_t code = bytes[from++];
        uint16_t rest = (uint16_t)(code - 1U);

        if (code == 0U || rest > (uint16_t)(count - from)) {
            return 0U;
        }
        while (rest-- != 0U) {
            bytes[to++] = bytes[from++];
        }
        if (code != 0xFFU && from < count) {
            bytes[to++] = 0U;
        }
    }
    if (to < 3U || crc16(bytes, (uint16_t)(to - 2U)) != (bytes[to - 2U] | (uint16_t)(bytes[to - 1U] << 8))) {
        return 0U;
    }
    return (uint16_t)(to - 2U);
}

void frame_send(uint8_t *content, uint16_t count)
{
    const uint16_t crc = crc16(content, count);
    uint16_t from = 0U;

    content[count] = (uint8_t)(crc & 0xFFU);
    content[count + 1U] = (uint8_t)(crc >> 8);
    count = (uint16_t)(count + 2U);
    line_put(0U);
    /* Content is shorter than 254 bytes: every block ends at a zero or at the end. */
    while (from <= count) {
        uint16_t end = from;

        while (end < count && content[end] != 0U) {
            end++;
        }
        line_put((uint8_t)(end - from + 1U));
        while (from < end) {
            line_put(content[from++]);
        }
        from++;
    }
    line_put(0U);
}
