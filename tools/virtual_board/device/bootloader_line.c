/* What the boot loader sends: bytes that take their time, frames and their checksum (SLAU319U section 3.1). */

#include "cpu.h"

enum { BOOTLOADER_BITS = 11 }; /* of 8E1 */

uint16_t bootloader_crc_add(uint16_t crc, uint8_t byte)
{
    crc = (uint16_t)(crc ^ (unsigned)byte << 8);
    for (unsigned bit = 0; bit < 8u; bit++)
        crc = (uint16_t)(crc & 0x8000u ? (unsigned)crc << 1 ^ 0x1021u : (unsigned)crc << 1);
    return crc;
}

uint16_t bootloader_crc(const uint8_t *bytes, unsigned count)
{
    uint16_t crc = 0xFFFF;
    for (unsigned i = 0; i < count; i++)
        crc = bootloader_crc_add(crc, bytes[i]);
    return crc;
}

/* The processor polls while a byte is on the line. */
void bootloader_byte_time(struct machine *m)
{
    m->cycles += (BOOTLOADER_BITS * m->bootloader.bit_ps + m->clock.mclk_ps - 1u) / m->clock.mclk_ps;
}

void bootloader_send(struct machine *m, uint8_t byte)
{
    uint64_t mine = m->bootloader.bit_ps;
    bool stop_bit = true;
    bootloader_byte_time(m);
    m->bootloader.answered = true;
    wire_send(&m->wire, wire_sample(byte, mine, wire_bit_ps(&m->wire, mine), &stop_bit));
}

void bootloader_respond(struct machine *m, const uint8_t *core, unsigned count)
{
    uint16_t crc = bootloader_crc(core, count);
    bootloader_send(m, BOOTLOADER_HEADER);
    bootloader_send(m, (uint8_t)count);
    bootloader_send(m, (uint8_t)(count >> 8));
    for (unsigned i = 0; i < count; i++)
        bootloader_send(m, core[i]);
    bootloader_send(m, (uint8_t)crc);
    bootloader_send(m, (uint8_t)(crc >> 8));
}
