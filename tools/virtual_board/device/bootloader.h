/* The boot loader in the device's ROM: programs the FRAM over the UART's pins. */

#ifndef BOOTLOADER_H
#define BOOTLOADER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define BOOTLOADER_START 0x1000u
#define BOOTLOADER_SIZE 0x800u
#define BOOTLOADER_HEADER 0x80u
#define BOOTLOADER_BUFFER 260u /* the longest core command, recalled */

struct bootloader {
    bool requested;     /* power comes up with the entry sequence on TEST and RST, once */
    bool active;        /* it has been entered since the last reset */
    bool unlocked;      /* the password was right */
    bool info_a_locked; /* segment A of the information memory, which command 13 toggles */
    bool answered;      /* the host has something to answer to, for which it may take its time */
    uint64_t bit_ps;    /* of the line */
    unsigned count;     /* bytes of the frame that arrived */
    uint8_t frame[3u + BOOTLOADER_BUFFER + 2u];
    uint64_t frames, damaged; /* of the host's */
};

/* Puts it into the memory map; false where something else lies there. */
bool bootloader_map(struct machine *m);

/* After the memory is there: what reads as its code, and the entry that an instruction fetch finds. */
void bootloader_install(struct machine *m);

/* The line: CRC-CCITT with its most significant bit first; a byte's time, and bytes and frames to the host. */
uint16_t bootloader_crc_add(uint16_t crc, uint8_t byte);
uint16_t bootloader_crc(const uint8_t *bytes, unsigned count);
void bootloader_byte_time(struct machine *m);
void bootloader_send(struct machine *m, uint8_t byte);
void bootloader_respond(struct machine *m, const uint8_t *core, unsigned count);

/* After a reset: its state is lost. Where it was requested, the processor starts in it instead of in the program. */
void bootloader_reset(struct machine *m);

#endif
