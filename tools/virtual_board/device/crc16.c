/* SLAU367 chapter "CRC Module". CRCDI takes the least significant bit of a byte first, CRCDIRB the most significant;
 * of a word the low byte comes first.
 */

#include "crc16.h"

#include "machine.h"

enum { CRCDI = 0, CRCDIRB = 2, CRCINIRES = 4, CRCRESR = 6 };

void crc16_reset(struct machine *m)
{
    m->crc16.input = m->crc16.reversed_input = 0;
    m->crc16.result = 0xFFFF;
}

static uint16_t reversed(uint16_t value)
{
    unsigned result = 0;
    for (unsigned bit = 0; bit < 16u; bit++)
        result |= (value >> bit & 1u) << (15u - bit);
    return (uint16_t)result;
}

static uint16_t with_byte(uint16_t crc, unsigned byte, bool low_bit_first)
{
    for (unsigned i = 0; i < 8u; i++) {
        unsigned bit = byte >> (low_bit_first ? i : 7u - i) & 1u;
        bool divide = (bit ^ crc >> 15) != 0;
        crc = (uint16_t)(crc << 1 ^ (divide ? 0x1021 : 0));
    }
    return crc;
}

uint16_t crc16_read(struct machine *m, uint32_t offset)
{
    const struct crc16 *c = &m->crc16;
    return offset == CRCDI       ? c->input
           : offset == CRCDIRB   ? c->reversed_input
           : offset == CRCINIRES ? c->result
                                 : reversed(c->result);
}

void crc16_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct crc16 *c = &m->crc16;
    if (offset == CRCINIRES)
        c->result = (uint16_t)((c->result & ~mask) | (value & mask));
    if (offset > CRCDIRB)
        return; /* CRCRESR is read-only */
    uint16_t *input = offset == CRCDI ? &c->input : &c->reversed_input;
    *input = (uint16_t)((*input & ~mask) | (value & mask));
    if (mask & 0x00FFu)
        c->result = with_byte(c->result, value & 0xFFu, offset == CRCDI);
    if (mask & 0xFF00u)
        c->result = with_byte(c->result, value >> 8, offset == CRCDI);
    c->words++;
}
