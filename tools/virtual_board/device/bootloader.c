/* SLAU550AB "MSP430FR57xx, FR58xx, FR59xx... Bootloader (BSL)" and SLAU319U section 3: the frames and core commands of
 * the UART boot loader. A real one wants even parity, which a pseudo-terminal does not carry: here a byte takes the
 * eleven bits of 8E1, and its parity counts as right. Which commands need the password, what command 13 does and the
 * size of the buffer are recalled.
 */

#include "bootloader.h"

#include <string.h>

#include "cpu.h"
#include "io.h"

enum { FIRST_BAUD = 9600 };
enum { PASSWORD = 0xFFE0, PASSWORD_BYTES = 32, INFO_A = 0x1980, INFO_END = 0x1A00 };
enum { WRITE_CYCLES = 4, SEGMENT = 512 };
/* The immediate answer to a frame. */
enum { ACK = 0x00, BAD_HEADER = 0x51, BAD_CHECKSUM = 0x52, NO_SIZE = 0x53, TOO_LONG = 0x54, BAD_BAUD = 0x56 };
/* Core commands, and what a core response begins with. */
enum { WRITE = 0x10, UNLOCK = 0x11, ERASE_SEGMENT = 0x12, TOGGLE_INFO = 0x13, MASS_ERASE = 0x15, CRC = 0x16 };
enum { SET_PC = 0x17, READ = 0x18, VERSION = 0x19, BUFFER_SIZE = 0x1A, WRITE_FAST = 0x1B, SET_BAUD = 0x52 };
enum { DATA = 0x3A, MESSAGE = 0x3B };
enum { OK = 0x00, WRITE_FAILED = 0x01, LOCKED = 0x04, WRONG_PASSWORD = 0x05, UNKNOWN = 0x07, TOO_MUCH = 0x08 };

static const uint8_t version[4] = {0x00, 0x08, 0x35, 0xB3}; /* vendor TI, then numbers as they are recalled */

static void say(struct machine *m, uint8_t message)
{
    uint8_t core[2] = {MESSAGE, message};
    bootloader_respond(m, core, sizeof core);
}

static bool is_memory(const struct machine *m, uint32_t address, uint32_t count)
{
    for (uint32_t at = address; at < address + count; at++) {
        if (at >= SPACE || !(m->kind[at >> 1] & (KIND_FRAM | KIND_RAM)))
            return false;
    }
    return true;
}

/* Word by word over the bus, as the processor would: the power can fail between any two. */
static void store_all(struct machine *m, uint32_t address, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count;) {
        bool word = !((address + i) & 1u) && count - i > 1u;
        m->cycles += WRITE_CYCLES;
        if (word)
            write_word(m, address + i, (uint16_t)(bytes[i] | bytes[i + 1u] << 8));
        else
            write_byte(m, address + i, bytes[i]);
        i += word ? 2u : 1u;
        check_limits(m);
    }
}

static uint8_t program(struct machine *m, uint32_t address, const uint8_t *bytes, uint32_t count)
{
    bool info_a = address < INFO_END && address + count > INFO_A;
    if (!is_memory(m, address, count) || (m->bootloader.info_a_locked && info_a))
        return WRITE_FAILED;
    store_all(m, address, bytes, count);
    return OK;
}

static void erase(struct machine *m, uint32_t start, uint32_t end)
{
    static const uint8_t erased[2] = {0xFF, 0xFF};
    for (uint32_t at = start; at < end; at += 2u) {
        if (m->kind[at >> 1] & KIND_FRAM)
            store_all(m, at, erased, sizeof erased);
    }
}

/* All of the main memory; the information memory stays. */
static void mass_erase(struct machine *m)
{
    erase(m, INFO_END, SPACE);
}

static uint8_t check_password(struct machine *m, const uint8_t *given)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < PASSWORD_BYTES; i++)
        wrong |= (unsigned)given[i] ^ read_byte(m, PASSWORD + i);
    m->bootloader.unlocked = wrong == 0;
    if (wrong == 0)
        return OK;
    mass_erase(m);
    return WRONG_PASSWORD;
}

static void send_data(struct machine *m, uint32_t address, uint32_t count)
{
    uint8_t core[1u + BOOTLOADER_BUFFER] = {DATA};
    if (count >= BOOTLOADER_BUFFER) {
        say(m, TOO_MUCH);
        return;
    }
    for (uint32_t i = 0; i < count; i++) /* what is no memory reads as the bus leaves it */
        core[1u + i] = is_memory(m, address + i, 1) ? read_byte(m, address + i) : 0xFF;
    bootloader_respond(m, core, count + 1u);
}

static void send_crc(struct machine *m, uint32_t address, uint32_t count)
{
    uint16_t crc = 0xFFFF;
    for (uint32_t i = 0; i < count; i++)
        crc = bootloader_crc_add(crc, is_memory(m, address + i, 1) ? read_byte(m, address + i) : 0xFF);
    uint8_t core[3] = {DATA, (uint8_t)crc, (uint8_t)(crc >> 8)};
    bootloader_respond(m, core, sizeof core);
}

static void send_version(struct machine *m)
{
    uint8_t core[1u + sizeof version] = {DATA};
    memcpy(core + 1, version, sizeof version);
    bootloader_respond(m, core, sizeof core);
}

static uint64_t bit_of(uint8_t code)
{
    static const uint32_t bauds[] = {9600, 19200, 38400, 57600, 115200};
    return code < 2u || code > 6u ? 0 : UINT64_C(1000000000000) / bauds[code - 2u];
}

static void leave_to(struct machine *m, uint32_t address)
{
    m->bootloader.active = false;
    uart_reset(m);
    m->r[PC] = address & TOP & ~1u;
}

/* Those that a stranger may not give. What follows an address and a length is missing where the command is too short.
 */
static void execute_unlocked(struct machine *m, const uint8_t *core, unsigned count)
{
    uint32_t address = count < 4u ? 0 : (uint32_t)(core[1] | core[2] << 8 | (uint32_t)core[3] << 16);
    uint32_t length = count < 6u ? 0 : (uint32_t)(core[4] | core[5] << 8);
    if (core[0] == WRITE && count > 4u)
        say(m, program(m, address, core + 4, count - 4u));
    else if (core[0] == WRITE_FAST && count > 4u)
        (void)program(m, address, core + 4, count - 4u);
    else if (core[0] == ERASE_SEGMENT && count == 4u && is_memory(m, address, 1)) {
        erase(m, address & ~(SEGMENT - 1u), (address & ~(SEGMENT - 1u)) + SEGMENT);
        say(m, OK);
    } else if (core[0] == TOGGLE_INFO && count == 1u) {
        m->bootloader.info_a_locked = !m->bootloader.info_a_locked;
        say(m, OK);
    } else if (core[0] == CRC && count == 6u)
        send_crc(m, address, length);
    else if (core[0] == SET_PC && count == 4u)
        leave_to(m, address);
    else if (core[0] == READ && count == 6u)
        send_data(m, address, length);
    else if (core[0] == VERSION && count == 1u)
        send_version(m);
    else if (core[0] == BUFFER_SIZE && count == 1u) {
        uint8_t size[3] = {DATA, BOOTLOADER_BUFFER & 0xFFu, BOOTLOADER_BUFFER >> 8};
        bootloader_respond(m, size, sizeof size);
    } else
        say(m, UNKNOWN);
}

static bool is_protected(uint8_t command)
{
    return (command >= WRITE && command <= WRITE_FAST) && command != UNLOCK && command != MASS_ERASE;
}

static void execute(struct machine *m, const uint8_t *core, unsigned count)
{
    if (core[0] == SET_BAUD) {
        uint64_t bit = count == 2u ? bit_of(core[1]) : 0;
        bootloader_send(m, bit == 0 ? BAD_BAUD : ACK);
        m->bootloader.bit_ps = bit == 0 ? m->bootloader.bit_ps : bit; /* from the next byte on */
        return;
    }
    bootloader_send(m, ACK);
    if (core[0] == UNLOCK && count == 1u + PASSWORD_BYTES)
        say(m, check_password(m, core + 1));
    else if (core[0] == MASS_ERASE && count == 1u) {
        mass_erase(m);
        say(m, OK);
    } else if (is_protected(core[0]) && !m->bootloader.unlocked)
        say(m, LOCKED);
    else
        execute_unlocked(m, core, count);
}

/* One more byte of a frame: 80, length, core command, CRC, numbers with their low byte first. */
static void take(struct machine *m, uint8_t byte)
{
    struct bootloader *b = &m->bootloader;
    uint8_t error = ACK;
    b->frame[b->count++] = byte;
    unsigned length = b->count < 3u ? 0 : (unsigned)(b->frame[1] | b->frame[2] << 8);
    if (b->count == 1u && byte != BOOTLOADER_HEADER)
        error = BAD_HEADER;
    else if (b->count == 3u && (length == 0 || length > BOOTLOADER_BUFFER))
        error = length == 0 ? NO_SIZE : TOO_LONG;
    else if (b->count < 3u || b->count < length + 5u)
        return;
    const uint8_t *checksum = b->frame + 3u + length;
    if (error == ACK && (checksum[0] | checksum[1] << 8) != bootloader_crc(b->frame + 3, length))
        error = BAD_CHECKSUM;
    b->count = 0;
    b->frames++;
    if (error == ACK)
        execute(m, b->frame + 3, length);
    else {
        b->damaged++;
        bootloader_send(m, error);
    }
}

static void enter(struct machine *m)
{
    struct bootloader *b = &m->bootloader;
    b->active = true;
    b->unlocked = false;
    b->info_a_locked = false;
    b->answered = false;
    b->count = 0;
    b->bit_ps = UINT64_C(1000000000000) / FIRST_BAUD;
    set_status(m, 0);
    uart_reset(m);
    watchdog_write(m, 0, 0x5A80, 0xFFFF);
}

/* The whole ROM is one instruction, which takes one byte of the host's and stays where it is. Until there is one no
 * time passes.
 */
static void run_bootloader(struct machine *m, const struct insn *d)
{
    (void)d;
    m->r[PC] = BOOTLOADER_START;
    if (!m->bootloader.active)
        enter(m);
    int byte = wire_receive(&m->wire, true);
    pace_restart(m);
    if (m->interrupted)
        stop(m, "interrupted", "");
    if (byte < 0)
        stop(m, "asleep", "the boot loader waits for a host, and there is none");
    uint64_t mine = m->bootloader.bit_ps;
    bool stop_bit = true;
    uint8_t seen = wire_sample((uint8_t)byte, wire_bit_ps(&m->wire, mine), mine, &stop_bit);
    if (m->bootloader.answered)
        m->cycles += m->wire.latency_ps / m->clock.mclk_ps;
    m->bootloader.answered = false;
    bootloader_byte_time(m);
    if (stop_bit)
        take(m, seen);
}

bool bootloader_map(struct machine *m)
{
    return map_region(m, BOOTLOADER_START, BOOTLOADER_SIZE, KIND_ROM);
}

void bootloader_install(struct machine *m)
{
    struct insn *entry = &m->code[BOOTLOADER_START >> 1];
    for (uint32_t at = BOOTLOADER_START; at < BOOTLOADER_START + BOOTLOADER_SIZE; at += 2u) {
        m->memory[at] = 0xFF; /* 3FFF, JMP to itself: TI's code is not here */
        m->memory[at + 1u] = 0x3F;
    }
    entry->words = 1;
    entry->run = run_bootloader;
}

void bootloader_reset(struct machine *m)
{
    m->bootloader.active = false;
    if (!m->bootloader.requested)
        return;
    m->bootloader.requested = false;
    m->r[PC] = BOOTLOADER_START;
}
