/* Fetching, sleeping, interrupts, resets and the loss of power. */

#include "cpu.h"

#include <stdarg.h>

#include "io.h"

#define VECTORS 0xFF90u
#define RESET_VECTOR 0xFFFEu

void leave(struct machine *m, int why)
{
    longjmp(m->away, why);
}

void stop(struct machine *m, const char *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(m->message, sizeof m->message, format, arguments);
    va_end(arguments);
    m->stopped = reason;
    leave(m, AWAY_STOP);
}

void set_status(struct machine *m, uint32_t value)
{
    m->r[SR] = value & SR_BITS;
    m->event_at = 0;
}

void interrupt(struct machine *m, unsigned vector, bool pending)
{
    if (pending)
        m->pending |= UINT64_C(1) << vector;
    else
        m->pending &= ~(UINT64_C(1) << vector);
    m->event_at = 0;
}

void reset(struct machine *m, unsigned cause)
{
    m->count.resets++;
    m->cycles += 4;
    m->r[SR] = 0;
    m->gie_before = false;
    m->circling = false;
    if (cause == CAUSE_BOR || cause == CAUSE_SOFTWARE_BOR) {
        energy_off(m);
        energy_boot(m);
    }
    event_record(m, EVENT_BOOT, cause);
    io_power_up(m, cause);
    m->r[PC] = peek(m, RESET_VECTOR) & ~1u;
    bootloader_reset(m);
    m->event_at = 0;
}

/* Power comes: nothing volatile has a known value. */
static void power_up(struct machine *m)
{
    poison_ram(m);
    for (unsigned n = 0; n < 16u; n++)
        m->r[n] = n == CG ? 0u : (uint32_t)random_word(m) & TOP & ~1u;
    reset(m, CAUSE_BOR);
}

/* A byte that was on its way is lost; those that the host has not sent yet are not. */
static void power_lost(struct machine *m, bool empty)
{
    event_flush(m);
    event_record(m, EVENT_POWER_LOST, empty ? LOST_BY_SUPPLY : LOST_AS_ASKED);
    m->count.power_failures++;
    m->uart.lost += m->uart.arrived_ps != NEVER;
    energy_off(m);
    if (empty) {
        event_lost(m);
        supply_recharge(m);
    }
    failures_arm(m);
    power_up(m);
}

static void take_interrupt(struct machine *m, unsigned vector)
{
    uint32_t pc = m->r[PC];
    push_word(m, (uint16_t)pc);
    push_word(m, (uint16_t)((pc >> 16 & 0xFu) << 12 | m->r[SR]));
    m->r[SR] &= SR_SCG0;
    m->r[PC] = read_word(m, VECTORS + 2u * vector) & ~1u;
    m->cycles += 6;
    m->count.interrupts++;
    m->gie_before = false;
    io_accepted(m, vector);
}

static unsigned highest(uint64_t pending)
{
    unsigned vector = 63;
    while (!(pending >> vector & 1u))
        vector--;
    return vector;
}

/* With nothing due the board stands still until the host sends something: its own speed does not count. */
static void sleep_until(struct machine *m, uint64_t due)
{
    lea_asleep(m);
    uart_listen(m, due);
    if (m->interrupted)
        stop(m, "interrupted", "");
    due = io_due(m);
    if (due == NEVER)
        stop(m, "asleep", "asleep at 0x%05x with nothing that could wake it", (unsigned)m->r[PC]);
    uint64_t now = clock_now(m), look = supply_due(m);
    if (look < due)
        due = look;
    if (due > now)
        clock_sleep(m, due - now);
}

void check_limits(struct machine *m)
{
    if (m->cycles >= m->cycle_limit)
        stop(m, "cycle limit", "%llu cycles are over", (unsigned long long)m->cycle_limit);
    if (m->interrupted)
        stop(m, "interrupted", "");
    if (m->cycles >= m->fail.at_cycle)
        leave(m, AWAY_POWER);
    if (m->cycles >= m->look_cycle)
        supply_look(m);
}

/* Everything that is not the next instruction. */
static void service(struct machine *m)
{
    event_flush(m);
    for (;;) {
        check_limits(m);
        pace(m);
        if (m->dma.requested)
            dma_run(m);
        io_events(m);
        bool enabled = (m->r[SR] & SR_GIE) != 0, asleep = (m->r[SR] & SR_CPUOFF) != 0;
        if (m->pending != 0 && (m->gie_before || (enabled && asleep)))
            take_interrupt(m, highest(m->pending));
        else if (asleep)
            sleep_until(m, io_due(m));
        else
            break;
    }
    if (m->circling && !(m->r[SR] & SR_GIE) && io_due(m) == NEVER)
        stop(m, "halted", "");
    m->circling = false;
    bool soon = m->pending != 0 && (m->r[SR] & SR_GIE) && !m->gie_before;
    m->gie_before = (m->r[SR] & SR_GIE) != 0;
    uint64_t due = io_due(m), paced = pace_due(m);
    m->event_at = clock_cycle_at(m, paced < due ? paced : due);
    if (m->look_cycle < m->event_at)
        m->event_at = m->look_cycle;
    if (m->cycle_limit < m->event_at)
        m->event_at = m->cycle_limit;
    if (m->fail.at_cycle < m->event_at)
        m->event_at = m->fail.at_cycle;
    if (soon)
        m->event_at = 0;
}

static void one_by_one(struct machine *m)
{
    uint64_t watched = m->instruction_limit < m->fail.at_instruction ? m->instruction_limit : m->fail.at_instruction;
    bool by_address = m->fail.by_address;
    for (;;) {
        if (m->cycles >= m->event_at)
            service(m);
        uint32_t pc = m->r[PC];
        if (m->count.instructions >= watched) {
            if (m->count.instructions >= m->fail.at_instruction)
                leave(m, AWAY_POWER);
            stop(m, "instruction limit", "%llu instructions are over", (unsigned long long)m->instruction_limit);
        }
        if (by_address && failures_at_address(m, pc))
            leave(m, AWAY_POWER);
        struct insn *d = &m->code[pc >> 1];
        if (d->words == 0)
            decode(m, pc);
        m->now = d;
        if (d->in_fram)
            fram_fetch(m, pc, d->words);
        m->r[PC] = (pc + 2u * d->words) & TOP;
        d->run(m, d);
        m->cycles += d->cycles;
        m->count.instructions++;
    }
}

void run(struct machine *m)
{
    if (setjmp(m->away) == 0)
        power_up(m);
    while (m->stopped == NULL) {
        switch (setjmp(m->away)) {
        case 0:
            one_by_one(m);
            break;
        case AWAY_POWER:
            power_lost(m, false);
            break;
        case AWAY_EMPTY:
            power_lost(m, true);
            break;
        default: /* stopped, or reset by a write */
            break;
        }
    }
}
