/* SLAU367 chapter "DMA Controller". */

#include "dma.h"

#include "cpu.h"
#include "io.h"

enum { DMACTL4 = 0x08, DMAIV = 0x0E, CHANNEL = 0x10, CHANNEL_SIZE = 0x10 };
enum { CTL = 0x0, SA_LOW = 0x2, SA_HIGH = 0x4, DA_LOW = 0x6, DA_HIGH = 0x8, SZ = 0xA };
enum { DMAREQ = 0x0001, DMAABORT = 0x0002, DMAIE = 0x0004, DMAIFG = 0x0008, DMAEN = 0x0010, DMALEVEL = 0x0020 };
enum { SOURCE_BYTE = 0x0040, TARGET_BYTE = 0x0080, TSEL = 0x1F };
enum { SINGLE = 0, BLOCK = 1, REPEATED = 4 };
enum { BETWEEN = 2, WORD_CYCLES = 2 }; /* MCLK cycles to get the bus and give it back, and for each word */

static unsigned mode_of(const struct dma_channel *c)
{
    return c->ctl >> 12 & 7u;
}

static void update(struct machine *m)
{
    bool pending = false;
    for (unsigned i = 0; i < m->dma.channels; i++)
        pending = pending || (m->dma.channel[i].ctl & (DMAIE | DMAIFG)) == (DMAIE | DMAIFG);
    if (m->dma.channels > 0)
        interrupt(m, m->dma.vector, pending);
}

uint32_t dma_size(const struct machine *m)
{
    return CHANNEL + CHANNEL_SIZE * m->dma.channels;
}

void dma_reset(struct machine *m)
{
    static const struct dma_channel nothing;
    for (unsigned i = 0; i < m->dma.channels; i++)
        m->dma.channel[i] = nothing;
    for (unsigned i = 0; i < 5u; i++)
        m->dma.ctl[i] = 0;
    m->dma.requested = false;
}

static uint32_t moved(uint32_t address, unsigned how, bool bytes)
{
    uint32_t step = bytes ? 1u : 2u;
    return (how == 3u ? address + step : how == 2u ? address - step : address) & TOP;
}

static void move_one(struct machine *m, struct dma_channel *c)
{
    bool from_byte = (c->ctl & SOURCE_BYTE) != 0, to_byte = (c->ctl & TARGET_BYTE) != 0;
    uint16_t value = from_byte ? read_byte(m, c->from) : read_word(m, c->from);
    if (to_byte)
        write_byte(m, c->to, (uint8_t)value);
    else
        write_word(m, c->to, value);
    m->cycles += WORD_CYCLES;
    c->from = moved(c->from, c->ctl >> 8 & 3u, from_byte);
    c->to = moved(c->to, c->ctl >> 10 & 3u, to_byte);
    c->left--;
    event_flush(m);
    check_limits(m); /* the power can go between two words */
}

static void start_over(struct dma_channel *c)
{
    c->from = c->source;
    c->to = c->target;
    c->left = c->size;
}

static void transfer(struct machine *m, struct dma_channel *c)
{
    bool single = (mode_of(c) & 3u) == SINGLE;
    c->ctl &= (uint16_t)~DMAREQ;
    m->cycles += BETWEEN;
    do
        move_one(m, c);
    while (!single && c->left > 0);
    if (c->left > 0)
        return;
    start_over(c);
    c->ctl |= DMAIFG;
    if (!(mode_of(c) & REPEATED))
        c->ctl &= (uint16_t)~DMAEN;
}

void dma_run(struct machine *m)
{
    static const struct insn bus = {.cycles = WORD_CYCLES, .read_at = 1}; /* what the multiplier sees */
    m->dma.requested = false;
    m->now = &bus;
    for (unsigned i = 0; i < m->dma.channels; i++) { /* the lowest has the highest priority */
        struct dma_channel *c = &m->dma.channel[i];
        if ((c->ctl & DMAREQ) && (c->ctl & DMAEN) && c->size > 0)
            transfer(m, c);
    }
    update(m);
}

static uint16_t interrupt_vector(struct machine *m)
{
    for (unsigned i = 0; i < m->dma.channels; i++) {
        struct dma_channel *c = &m->dma.channel[i];
        if ((c->ctl & (DMAIE | DMAIFG)) == (DMAIE | DMAIFG)) {
            c->ctl &= (uint16_t)~DMAIFG;
            update(m);
            return (uint16_t)(2u * (i + 1u));
        }
    }
    return 0;
}

uint16_t dma_read(struct machine *m, uint32_t offset)
{
    if (offset == DMAIV)
        return interrupt_vector(m);
    if (offset < CHANNEL)
        return offset <= DMACTL4 ? m->dma.ctl[offset >> 1] : 0;
    const struct dma_channel *c = &m->dma.channel[(offset - CHANNEL) / CHANNEL_SIZE];
    switch (offset % CHANNEL_SIZE) {
    case CTL:
        return c->ctl;
    case SA_LOW:
        return (uint16_t)c->source;
    case SA_HIGH:
        return (uint16_t)(c->source >> 16);
    case DA_LOW:
        return (uint16_t)c->target;
    case DA_HIGH:
        return (uint16_t)(c->target >> 16);
    case SZ:
        return c->left;
    default:
        return 0;
    }
}

/* A word write clears the upper bits, a 20-bit write follows with them. */
static void write_address(uint32_t *address, bool upper, uint16_t value)
{
    *address = upper ? (*address & 0xFFFFu) | (uint32_t)(value & 0xFu) << 16 : value;
}

/* The trigger selections lie two a word in DMACTL0 to DMACTL2. */
static void check(struct machine *m, unsigned channel)
{
    unsigned trigger = m->dma.ctl[channel / 2u] >> (channel % 2u * 8u) & TSEL;
    uint16_t ctl = m->dma.channel[channel].ctl;
    if (!(ctl & DMAEN))
        return;
    if (trigger != 0)
        stop(m, "unsimulated", "DMA channel %u: of the triggers only software (DMAREQ) is simulated", channel);
    if ((ctl & DMALEVEL) || (mode_of(&m->dma.channel[channel]) & 2u))
        stop(m, "unsimulated", "DMA channel %u: burst-block and level-triggered transfers are not simulated", channel);
}

static void write_control(struct machine *m, struct dma_channel *c, uint16_t value, uint16_t mask)
{
    bool was_enabled = (c->ctl & DMAEN) != 0;
    c->ctl = (uint16_t)((c->ctl & ~mask) | (value & mask & ~DMAABORT));
    if ((c->ctl & DMAEN) && !was_enabled)
        start_over(c);
    if ((c->ctl & DMAEN) && (c->ctl & DMAREQ)) {
        m->dma.requested = true;
        m->event_at = 0;
    }
}

void dma_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    if (offset < CHANNEL) {
        if (offset <= DMACTL4)
            m->dma.ctl[offset >> 1] = (uint16_t)((m->dma.ctl[offset >> 1] & ~mask) | (value & mask));
    } else {
        struct dma_channel *c = &m->dma.channel[(offset - CHANNEL) / CHANNEL_SIZE];
        uint32_t reg = offset % CHANNEL_SIZE;
        if (reg == CTL)
            write_control(m, c, value, mask);
        else if (reg == SA_LOW || reg == SA_HIGH)
            write_address(&c->source, reg == SA_HIGH, value);
        else if (reg == DA_LOW || reg == DA_HIGH)
            write_address(&c->target, reg == DA_HIGH, value);
        else if (reg == SZ)
            c->size = c->left = value;
    }
    for (unsigned i = 0; i < m->dma.channels; i++)
        check(m, i);
    update(m);
}
