#include "memory.h"

#include <string.h>

#include "io.h"

bool map_region(struct machine *m, uint32_t start, uint32_t size, uint8_t kind)
{
    if ((start | size) & 1u || size == 0 || start >= SPACE || size > SPACE - start)
        return false;
    if (kind == KIND_RAM) {
        if (m->rams == sizeof m->ram / sizeof m->ram[0])
            return false;
        m->ram[m->rams].start = start;
        m->ram[m->rams++].size = size;
    }
    for (uint32_t word = start >> 1; word < (start + size) >> 1; word++) {
        if (m->kind[word] != 0)
            return false;
        m->kind[word] = kind;
    }
    return true;
}

uint64_t random_word(struct machine *m)
{
    /* xorshift64*, Vigna 2016 */
    uint64_t x = m->poison;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    m->poison = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

/* Decoded instructions that this word is part of are forgotten: an instruction has at most four words. */
static void forget_code(struct machine *m, uint32_t address)
{
    for (uint32_t back = 0; back < 4u; back++)
        m->code[((address >> 1) - back) & (SPACE / 2u - 1u)].words = 0;
    m->kind[address >> 1] &= (uint8_t)~KIND_CODE;
}

void poison_ram(struct machine *m)
{
    for (unsigned i = 0; i < m->rams; i++) {
        for (uint32_t at = m->ram[i].start; at < m->ram[i].start + m->ram[i].size; at += 2u) {
            if (m->kind[at >> 1] & KIND_CODE)
                forget_code(m, at);
            uint64_t value = random_word(m);
            m->memory[at] = (uint8_t)(value >> 32);
            m->memory[at + 1u] = (uint8_t)(value >> 40);
        }
    }
}

uint16_t peek(const struct machine *m, uint32_t address)
{
    return (uint16_t)(m->memory[address & (TOP - 1u)] | m->memory[(address & (TOP - 1u)) + 1u] << 8);
}

static void unmapped(struct machine *m, const char *what, uint32_t address)
{
    stop(m, "unmapped", "%s at 0x%05x, where the simulated device has nothing", what, (unsigned)address);
}

uint16_t read_special(struct machine *m, uint32_t address)
{
    uint8_t kind = m->kind[address >> 1];
    if (kind & KIND_IO)
        return io_read(m, address, 0xFFFFu);
    if (kind & KIND_GUARDED) {
        (void)mpu_allows(m, address, MPU_READ);
        return MPU_FORBIDDEN;
    }
    if (kind & KIND_LEA)
        lea_accessed(m, address, false);
    else if (!(kind & KIND_ROM))
        unmapped(m, "read", address);
    return peek(m, address);
}

uint8_t read_special_byte(struct machine *m, uint32_t address)
{
    uint32_t word = address & (TOP - 1u);
    bool high = (address & 1u) != 0;
    uint16_t value = m->kind[word >> 1] & KIND_IO ? io_read(m, word, high ? 0xFF00u : 0x00FFu) : read_special(m, word);
    return (uint8_t)(high ? value >> 8 : value);
}

static void store(struct machine *m, uint32_t address, uint16_t value, uint16_t mask)
{
    if (mask & 0x00FFu)
        m->memory[address] = (uint8_t)value;
    if (mask & 0xFF00u)
        m->memory[address + 1u] = (uint8_t)(value >> 8);
}

/* FRAM keeps every completed bus write: the power can go before one and after it, not within. */
static void fram_write(struct machine *m, uint32_t address, uint16_t value, uint16_t mask)
{
    bool guarded = m->mpu.on || m->controller.protecting;
    if (guarded && (!controller_allows(m) || !mpu_allows(m, address, MPU_WRITE)))
        return;
    m->count.fram_writes++;
    if (m->count.fram_writes == m->fail.before_write)
        leave(m, AWAY_POWER);
    cache_write(&m->cache, address >> 3);
    m->count.waits += m->waits;
    m->cycles += m->waits;
    store(m, address, value, mask);
    if (address == m->events.watched)
        event_watched(m, peek(m, address));
    if (m->observe != NULL)
        m->observe(m, address);
    if (m->count.fram_writes == m->fail.after_write)
        leave(m, AWAY_POWER);
}

void write_special(struct machine *m, uint32_t address, uint16_t value, uint16_t mask)
{
    uint8_t kind = m->kind[address >> 1];
    if (kind & KIND_EXIT) {
        m->exit_code = (int16_t)value;
        stop(m, "exit", "");
    }
    if (kind & KIND_CODE)
        forget_code(m, address);
    if (kind & KIND_LEA)
        lea_accessed(m, address, true);
    if (kind & (KIND_RAM | KIND_LEA))
        store(m, address, value, mask);
    else if (kind & (KIND_FRAM | KIND_GUARDED))
        fram_write(m, address, value, mask);
    else if (kind & KIND_IO)
        io_write(m, address, value, mask);
    else if (kind & KIND_ROM)
        stop(m, "unmapped", "write to 0x%05x, which is read-only", (unsigned)address);
    else
        unmapped(m, "write", address);
}
