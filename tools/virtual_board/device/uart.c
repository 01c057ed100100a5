/* SLAU367 chapter "eUSCI - UART Mode": eight data bits without parity, which is what a pseudo-terminal carries. */

#include "uart.h"

#include "io.h"
#include "machine.h"

enum { CTLW0 = 0x00, CTLW1 = 0x02, BRW = 0x06, MCTLW = 0x08, STATW = 0x0A, RXBUF = 0x0C, TXBUF = 0x0E };
enum { ABCTL = 0x10, IRCTL = 0x12, IE = 0x1A, IFG = 0x1C, IV = 0x1E };
enum { UCSWRST = 0x0001, UCSSEL = 0x00C0, UCSYNC = 0x0100, UCMODE = 0x0600, UCSPB = 0x0800, UC7BIT = 0x1000 };
enum { UCMSB = 0x2000, UCPEN = 0x8000 };
enum { UCOS16 = 0x0001 };
enum { UCBUSY = 0x01, UCRXERR = 0x04, UCOE = 0x20, UCFE = 0x40, UCLISTEN = 0x80 };
enum { UCRXIFG = 0x01, UCTXIFG = 0x02, UCTXCPTIFG = 0x08 };
enum { POLLS = 64, CLOSE = 40 };            /* polls in a row, and cycles between them */
#define PATIENCE_PS UINT64_C(1000000000000) /* a second */

static bool off(const struct uart *u)
{
    return (u->ctlw0 & UCSWRST) != 0;
}

static void update(struct machine *m)
{
    const struct uart *u = &m->uart;
    interrupt(m, u->vector, (u->ie & u->ifg) != 0);
}

void uart_reset(struct machine *m)
{
    struct uart *u = &m->uart;
    u->ctlw0 = UCSWRST;
    u->ctlw1 = 0x0003;
    u->brw = u->mctlw = u->statw = u->abctl = u->irctl = u->rxbuf = u->txbuf = u->ie = 0;
    u->ifg = UCTXIFG;
    u->waiting = false;
    u->sent_ps = u->arrived_ps = NEVER;
    u->idle_polls = 0;
    u->answered = true;
    u->quiet_ps = clock_now(m);
}

static uint64_t source_ps(const struct machine *m)
{
    return (m->uart.ctlw0 & UCSSEL) >> 6 == 1u ? m->clock.aclk_ps : m->clock.smclk_ps;
}

uint64_t uart_clock_ps(const struct machine *m)
{
    const struct uart *u = &m->uart;
    return u->base != 0 && (u->sent_ps != NEVER || u->arrived_ps != NEVER) ? source_ps(m) : 0;
}

/* The average bit: modulation adds an eighth of a clock for every bit set in UCBRS. */
static uint64_t bit_ps(const struct machine *m)
{
    const struct uart *u = &m->uart;
    unsigned eighths = 0;
    for (unsigned bit = 8; bit < 16u; bit++)
        eighths += u->mctlw >> bit & 1u;
    uint64_t clocks = u->mctlw & UCOS16 ? 16u * u->brw + (u->mctlw >> 4 & 0xFu) : u->brw;
    uint64_t ps = source_ps(m) * (8u * clocks + eighths) / 8u;
    return ps == 0 ? 1u : ps;
}

static uint64_t frame_ps(const struct machine *m, uint64_t bit)
{
    return bit * (m->uart.ctlw0 & UCSPB ? 11u : 10u);
}

static void start_sending(struct machine *m, uint64_t from_ps)
{
    struct uart *u = &m->uart;
    u->sending = (uint8_t)u->txbuf;
    u->waiting = false;
    u->sent_ps = from_ps + frame_ps(m, bit_ps(m));
    energy_update(m);
    u->ifg |= UCTXIFG;
    update(m);
}

static void sent(struct machine *m)
{
    struct uart *u = &m->uart;
    uint64_t mine = bit_ps(m), hosts = wire_bit_ps(&m->wire, mine), end = u->sent_ps;
    bool stop_bit = true;
    u->sent_ps = NEVER;
    u->quiet_ps = clock_now(m);
    u->answered = true;
    energy_update(m);
    if (pin_has_function(m, u->tx_port, u->tx_pin, u->function))
        wire_send(&m->wire, wire_sample(u->sending, mine, hosts, &stop_bit));
    else
        u->mute++;
    u->ifg |= UCTXCPTIFG;
    if (u->waiting) /* without a gap, whenever this is noticed */
        start_sending(m, end);
    update(m);
}

static void arrived(struct machine *m)
{
    struct uart *u = &m->uart;
    uint64_t mine = bit_ps(m);
    bool stop_bit = true;
    u->arrived_ps = NEVER;
    u->quiet_ps = clock_now(m);
    energy_update(m);
    if (off(u) || !pin_has_function(m, u->rx_port, u->rx_pin, u->function)) {
        u->lost++;
        return;
    }
    if (u->ifg & UCRXIFG)
        u->statw |= UCOE | UCRXERR;
    u->rxbuf = wire_sample(u->arriving, wire_bit_ps(&m->wire, mine), mine, &stop_bit);
    if (!stop_bit)
        u->statw |= UCFE | UCRXERR;
    if (!stop_bit && !(u->ctlw0 & 0x0020u)) /* UCRXEIE: erroneous characters do not set the flag */
        return;
    u->ifg |= UCRXIFG;
    update(m);
}

void uart_listen(struct machine *m, uint64_t due_ps)
{
    struct uart *u = &m->uart;
    bool still = due_ps == NEVER;
    if (u->base == 0 || u->arrived_ps != NEVER || (!still && u->sent_ps != NEVER))
        return;
    if (m->wire.terminal) {
        still = still || clock_now(m) - u->quiet_ps >= PATIENCE_PS;
        if (!still || off(u)) /* the host's bytes stay where they are */
            return;
    }
    int byte = wire_receive(&m->wire, still);
    if (still)
        pace_restart(m);
    if (byte < 0)
        return;
    uint64_t latency = still && u->answered ? m->wire.latency_ps : 0;
    u->answered = false;
    u->arriving = (uint8_t)byte;
    u->arrived_ps = clock_now(m) + latency + 10u * wire_bit_ps(&m->wire, bit_ps(m));
    energy_update(m);
}

uint64_t uart_due(const struct machine *m)
{
    return m->uart.sent_ps < m->uart.arrived_ps ? m->uart.sent_ps : m->uart.arrived_ps;
}

void uart_event(struct machine *m)
{
    uint64_t now = clock_now(m);
    if (m->uart.sent_ps <= now)
        sent(m);
    if (m->uart.arrived_ps <= now)
        arrived(m);
}

/* The highest pending source, whose flag reading clears. */
static uint16_t interrupt_vector(struct machine *m)
{
    static const uint16_t numbers[4] = {2, 4, 6, 8};
    struct uart *u = &m->uart;
    for (unsigned bit = 0; bit < 4u; bit++) {
        if (u->ie & u->ifg & 1u << bit) {
            u->ifg &= (uint16_t)~(1u << bit);
            update(m);
            return numbers[bit];
        }
    }
    return 0;
}

/* A program that polls the flag instead of sleeping hears the host now and then; at a terminal, when it does nothing
 * else and nothing is due.
 */
static uint16_t flags(struct machine *m)
{
    struct uart *u = &m->uart;
    if ((u->ifg & UCRXIFG) || u->arrived_ps != NEVER)
        return u->ifg;
    if (m->wire.terminal && m->cycles - u->polled_cycle > CLOSE)
        u->idle_polls = 0;
    u->polled_cycle = m->cycles;
    if (++u->idle_polls % POLLS == 0)
        uart_listen(m, m->wire.terminal ? io_due(m) : clock_now(m));
    return u->ifg;
}

static uint16_t receive(struct machine *m)
{
    struct uart *u = &m->uart;
    u->ifg &= (uint16_t)~UCRXIFG;
    u->statw &= (uint16_t)~(UCOE | UCFE | UCRXERR);
    update(m);
    return u->rxbuf;
}

static uint16_t *stored(struct uart *u, uint32_t offset)
{
    switch (offset) {
    case CTLW0:
        return &u->ctlw0;
    case CTLW1:
        return &u->ctlw1;
    case BRW:
        return &u->brw;
    case MCTLW:
        return &u->mctlw;
    case ABCTL:
        return &u->abctl;
    case IRCTL:
        return &u->irctl;
    case IE:
        return &u->ie;
    case IFG:
        return &u->ifg;
    case STATW:
        return &u->statw;
    case TXBUF:
        return &u->txbuf;
    default:
        return 0;
    }
}

uint16_t uart_read(struct machine *m, uint32_t offset)
{
    struct uart *u = &m->uart;
    const uint16_t *target = stored(u, offset);
    if (offset == RXBUF)
        return receive(m);
    if (offset == IV)
        return interrupt_vector(m);
    if (offset == IFG)
        return flags(m);
    if (offset == STATW)
        return (uint16_t)(u->statw | (u->sent_ps != NEVER || u->arrived_ps != NEVER ? UCBUSY : 0));
    return target != 0 ? *target : 0;
}

static void check(struct machine *m)
{
    const struct uart *u = &m->uart;
    if (!off(u) && (u->ctlw0 & (UCSYNC | UCMODE | UC7BIT | UCMSB | UCPEN)))
        stop(m, "unsimulated", "of the eUSCI only UART mode with eight bits and no parity is simulated");
    if (!off(u) && (u->statw & UCLISTEN))
        stop(m, "unsimulated", "the eUSCI's loopback (UCLISTEN) is not simulated");
}

void uart_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask)
{
    struct uart *u = &m->uart;
    uint16_t *target = stored(u, offset);
    if (target == 0)
        return;
    *target = (uint16_t)((*target & ~mask) | (value & mask));
    if (offset == CTLW0 && off(u)) { /* interrupts and transfers end */
        u->ie = 0;
        u->ifg = UCTXIFG;
        u->statw &= UCLISTEN;
        u->waiting = false;
        u->sent_ps = NEVER;
        energy_update(m);
    } else if (offset == TXBUF && !off(u)) {
        u->ifg &= (uint16_t)~UCTXIFG;
        u->waiting = true;
        if (u->sent_ps == NEVER)
            start_sending(m, clock_now(m));
    }
    check(m);
    update(m);
}
