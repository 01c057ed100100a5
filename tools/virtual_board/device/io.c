#include "io.h"

#include "memory.h"

typedef uint16_t (*reader)(struct machine *m, uint32_t offset);
typedef void (*writer)(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

struct block {
    uint32_t base, size;
    reader read;
    writer write;
};

static const struct block blocks[] = {
    {0x100, 0x20, sfr_read, sfr_write},
    {0x120, 0x20, pmm_read, pmm_write},
    {0x140, 0x10, controller_read, controller_write},
    {0x150, 0x08, crc16_read, crc16_write},
    {0x15C, 0x02, watchdog_read, watchdog_write},
    {0x160, 0x20, clock_read, clock_write},
    {0x180, 0x20, sys_read, sys_write},
    {0x4C0, 0x30, mpy32_read, mpy32_write},
};

enum { BLOCKS = sizeof blocks / sizeof blocks[0], TIMER_SIZE = 0x30 };
enum { REFERENCE = 0x1B0, REFERENCE_SIZE = 0x10 };
enum { DMA = 0x500, MPU = 0x5A0, MPU_SIZE = 0x10, UART_SIZE = 0x20, PORTS = 0x200, PORT_SIZE = 0x20, PJ = 0x320 };

static const struct block *block_at(uint32_t address)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (address - blocks[i].base < blocks[i].size)
            return &blocks[i];
    }
    return 0;
}

static struct timer_a *timer_at(struct machine *m, uint32_t address)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        if (m->timers[i].base != 0 && address - m->timers[i].base < TIMER_SIZE)
            return &m->timers[i];
    }
    return 0;
}

static bool is_uart(const struct machine *m, uint32_t address)
{
    return m->uart.base != 0 && address - m->uart.base < UART_SIZE;
}

static bool is_dma(const struct machine *m, uint32_t address)
{
    return m->dma.channels != 0 && address - DMA < dma_size(m);
}

static bool is_mpu(const struct machine *m, uint32_t address)
{
    return m->mpu.present && address - MPU < MPU_SIZE;
}

static bool is_lea(const struct machine *m, uint32_t address)
{
    return m->lea.present && address - LEA_BASE < LEA_SIZE;
}

static bool is_adc(const struct machine *m, uint32_t address)
{
    return m->adc.present && address - ADC_BASE < ADC_SIZE;
}

static bool is_reference(const struct machine *m, uint32_t address)
{
    return m->adc.present && address - REFERENCE < REFERENCE_SIZE;
}

static unsigned pair_at(uint32_t address)
{
    return address >= PJ ? PORT_PJ : (address - PORTS) / PORT_SIZE;
}

bool io_map(struct machine *m)
{
    bool fits = map_region(m, PORTS, PORT_SIZE * PORT_PJ, KIND_IO) && map_region(m, PJ, PORT_SIZE, KIND_IO);
    for (unsigned i = 0; i < BLOCKS; i++)
        fits = fits && map_region(m, blocks[i].base, blocks[i].size, KIND_IO);
    for (unsigned i = 0; i < TIMERS; i++)
        fits = fits && (m->timers[i].base == 0 || map_region(m, m->timers[i].base, TIMER_SIZE, KIND_IO));
    fits = fits && (m->dma.channels == 0 || map_region(m, DMA, dma_size(m), KIND_IO));
    fits = fits && (!m->lea.present || map_region(m, LEA_BASE, LEA_SIZE, KIND_IO));
    fits = fits && (!m->adc.present ||
                    (map_region(m, ADC_BASE, ADC_SIZE, KIND_IO) && map_region(m, REFERENCE, REFERENCE_SIZE, KIND_IO)));
    fits = fits && (!m->mpu.present || map_region(m, MPU, MPU_SIZE, KIND_IO));
    return fits && (m->uart.base == 0 || map_region(m, m->uart.base, UART_SIZE, KIND_IO));
}

uint16_t io_read(struct machine *m, uint32_t address, uint16_t mask)
{
    const struct block *b = block_at(address);
    struct timer_a *t = timer_at(m, address);
    if (b != 0)
        return b->read(m, address - b->base);
    if (t != 0)
        return timer_read(m, t, address - t->base);
    if (is_uart(m, address))
        return uart_read(m, address - m->uart.base);
    if (is_dma(m, address))
        return dma_read(m, address - DMA);
    if (is_mpu(m, address))
        return mpu_read(m, address - MPU);
    if (is_lea(m, address))
        return lea_read(m, address - LEA_BASE);
    if (is_adc(m, address))
        return adc_read(m, address - ADC_BASE);
    if (is_reference(m, address))
        return reference_read(m, address - REFERENCE);
    return port_read(m, pair_at(address), address % PORT_SIZE, mask);
}

void io_write(struct machine *m, uint32_t address, uint16_t value, uint16_t mask)
{
    const struct block *b = block_at(address);
    struct timer_a *t = timer_at(m, address);
    if (b != 0)
        b->write(m, address - b->base, value, mask);
    else if (t != 0)
        timer_write(m, t, address - t->base, value, mask);
    else if (is_uart(m, address))
        uart_write(m, address - m->uart.base, value, mask);
    else if (is_dma(m, address))
        dma_write(m, address - DMA, value, mask);
    else if (is_mpu(m, address))
        mpu_write(m, address - MPU, value, mask);
    else if (is_lea(m, address))
        lea_write(m, address - LEA_BASE, value, mask);
    else if (is_adc(m, address))
        adc_write(m, address - ADC_BASE, value, mask);
    else if (is_reference(m, address))
        reference_write(m, address - REFERENCE, value, mask);
    else
        port_write(m, pair_at(address), address % PORT_SIZE, value, mask);
}

void io_power_up(struct machine *m, unsigned cause)
{
    clock_reset(m);
    adc_reset(m);
    reference_reset(m);
    controller_reset(m);
    crc16_reset(m);
    dma_reset(m);
    lea_reset(m);
    mpu_reset(m, cause);
    power_reset(m, cause);
    watchdog_reset(m);
    mpy32_reset(m);
    ports_reset(m);
    uart_reset(m);
    for (unsigned i = 0; i < TIMERS; i++)
        timer_reset(m, &m->timers[i]);
    m->pending = 0; /* last: bringing counters up to now may have raised what is reset since */
    energy_update(m);
}

void io_reset(struct machine *m, unsigned cause)
{
    reset(m, cause);
    leave(m, AWAY_RESET);
}

void io_synchronize(struct machine *m)
{
    watchdog_synchronize(m);
    lea_synchronize(m);
    for (unsigned i = 0; i < TIMERS; i++)
        timer_synchronize(m, &m->timers[i]);
}

uint64_t io_due(const struct machine *m)
{
    uint64_t first = watchdog_due(m), uart = uart_due(m), lea = lea_due(m), adc = adc_due(m);
    first = uart < first ? uart : first;
    first = lea < first ? lea : first;
    first = adc < first ? adc : first;
    for (unsigned i = 0; i < TIMERS; i++) {
        uint64_t due = timer_due(m, &m->timers[i]);
        first = due < first ? due : first;
    }
    return first;
}

void io_events(struct machine *m)
{
    uint64_t now = clock_now(m);
    for (unsigned i = 0; i < TIMERS; i++) {
        if (timer_due(m, &m->timers[i]) <= now)
            timer_synchronize(m, &m->timers[i]);
    }
    if (uart_due(m) <= now)
        uart_event(m);
    lea_event(m);
    if (adc_due(m) <= now)
        adc_event(m);
    if (watchdog_due(m) <= now)
        watchdog_event(m);
}

void io_accepted(struct machine *m, unsigned vector)
{
    if (vector == m->watchdog.vector)
        watchdog_accepted(m);
    for (unsigned i = 0; i < TIMERS; i++) {
        if (m->timers[i].base != 0 && vector == m->timers[i].vector + 1u)
            timer_accepted(m, &m->timers[i], vector);
    }
}
