#include "energy.h"

#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define ZJ_PER_FJ UINT64_C(1000000)
#define NO_WAIT_PS 125000u /* up to 8 MHz TI's tables are without wait states, above with one */

const char *const energy_names[DRAWN_KINDS] = {"core", "fram_reads", "fram_writes", "multiplier", "crc", "lea",
                                               "uart", "timers",     "adc",         "sleep",      "boot"};

/* nW x ps are zeptojoules. */
void joules_add(struct joules *j, uint64_t nw, uint64_t ps)
{
    uint64_t zj = j->zj + ps % ZJ_PER_FJ * nw;
    j->fj += ps / ZJ_PER_FJ * nw + zj / ZJ_PER_FJ;
    j->zj = zj % ZJ_PER_FJ;
}

static bool add_point(struct curve *c, const char *text)
{
    char *end;
    if (c->points == CURVE_POINTS)
        return false;
    c->hz[c->points] = strtoull(text, &end, 10);
    if (*end != ':' || (c->points > 0 && c->hz[c->points] <= c->hz[c->points - 1u]))
        return false;
    c->na[c->points++] = strtoull(end + 1, NULL, 10);
    return true;
}

bool energy_option(struct machine *m, const char *name, const char *value)
{
    struct energy *e = &m->energy;
    const struct {
        const char *name;
        struct curve *target;
    } curves[] = {{"active_100", &e->active_100}, {"active_75", &e->active_75}, {"lpm0", &e->lpm0}, {"lpm1", &e->lpm1}};
    const struct {
        const char *name;
        uint64_t *target;
    } figures[] = {{"lpm3_na", &e->lpm3_na},
                   {"lpm4_na", &e->lpm4_na},
                   {"millivolts", &e->millivolts},
                   {"adc_na", &e->adc_na},
                   {"adc_buffer_na", &e->adc_buffer_na},
                   {"reference_na", &e->reference_na},
                   {"timer_fj", &e->timer_fj},
                   {"uart_fj", &e->uart_fj},
                   {"multiplier_fj", &e->multiplier_fj},
                   {"crc_fj", &e->crc_fj},
                   {"lea_fj", &e->lea_fj},
                   {"write_fj", &e->write_fj},
                   {"boot_fj", &e->boot_fj},
                   {"boot_ps", &e->boot_ps}};
    for (unsigned i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (strcmp(name, curves[i].name) == 0)
            return add_point(curves[i].target, value);
    }
    for (unsigned i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (strcmp(name, figures[i].name) == 0) {
            *figures[i].target = strtoull(value, NULL, 10);
            return true;
        }
    }
    return false;
}

static uint64_t current_na(const struct curve *c, uint64_t period_ps)
{
    if (c->points == 0)
        return 0;
    if (c->points == 1)
        return c->na[0];
    int64_t hz = (int64_t)(UINT64_C(1000000000000) / period_ps);
    unsigned i = 0;
    while (i + 2u < c->points && hz > (int64_t)c->hz[i + 1u])
        i++;
    int64_t width = (int64_t)(c->hz[i + 1u] - c->hz[i]), height = (int64_t)c->na[i + 1u] - (int64_t)c->na[i];
    int64_t na = (int64_t)c->na[i] + (hz - (int64_t)c->hz[i]) * height / width;
    return na > 0 ? (uint64_t)na : 0;
}

/* nA x mV x ps are 1e-24 J. */
static uint64_t femtojoules(const struct energy *e, uint64_t na, uint64_t ps)
{
    return na * e->millivolts * ps / UINT64_C(1000000000);
}

/* TI gives the current by the part of FRAM accesses that the cache answers. Read as one access a cycle, and a miss with
 * a wait state as two cycles of that current, the energy of an access is linear in that part: the 0 %, 50 % and 66 %
 * rows lie within 5 % of the line through the 75 % and 100 % rows (9 % for the FR5969), which is where programs are. So
 * a miss costs 4 + waits times the difference of those two rows more than a hit: four accesses in 4 + waits cycles are
 * 75 %.
 */
static void set_core(struct machine *m)
{
    struct energy *e = &m->energy;
    uint64_t ps = m->clock.mclk_ps, hit = current_na(&e->active_100, ps), most = current_na(&e->active_75, ps);
    e->cycle_fj = femtojoules(e, hit, ps);
    e->miss_fj = most > hit ? femtojoules(e, (ps < NO_WAIT_PS ? 5u : 4u) * (most - hit), ps) : 0;
}

static uint64_t module_nw(uint64_t fj, uint64_t period_ps)
{
    return period_ps == 0 ? 0 : fj * ZJ_PER_FJ / period_ps;
}

static void settle(struct machine *m)
{
    struct energy *e = &m->energy;
    uint64_t now = clock_now(m), passed = now - e->ps;
    e->drawn[DRAWN_CORE].fj += (m->cycles - e->cycles) * e->cycle_fj;
    e->drawn[DRAWN_FRAM_READS].fj += (m->count.misses - e->misses) * e->miss_fj;
    e->drawn[DRAWN_FRAM_WRITES].fj += (m->count.fram_writes - e->writes) * e->write_fj;
    e->drawn[DRAWN_MULTIPLIER].fj += (m->mpy32.busy - e->multiplying) * e->multiplier_fj;
    e->drawn[DRAWN_CRC].fj += (m->crc16.words - e->crc_words) * e->crc_fj;
    e->drawn[DRAWN_LEA].fj += (lea_worked(m) - e->accelerating) * e->lea_fj;
    joules_add(&e->drawn[DRAWN_UART], e->uart_nw, passed);
    joules_add(&e->drawn[DRAWN_TIMERS], e->timers_nw, passed);
    joules_add(&e->drawn[DRAWN_ADC], e->adc_nw, passed);
    e->cycles = m->cycles;
    e->misses = m->count.misses;
    e->writes = m->count.fram_writes;
    e->multiplying = m->mpy32.busy;
    e->crc_words = m->crc16.words;
    e->accelerating = lea_worked(m);
    e->ps = now;
}

/* The reference's buffer works for a conversion only. */
static uint64_t adc_nw(const struct machine *m)
{
    const struct energy *e = &m->energy;
    uint64_t na = (reference_on(m) ? e->reference_na : 0) + (m->adc.busy ? e->adc_na + e->adc_buffer_na : 0);
    return na * e->millivolts / 1000u;
}

void energy_update(struct machine *m)
{
    struct energy *e = &m->energy;
    settle(m);
    set_core(m);
    e->timers_nw = 0;
    for (unsigned i = 0; i < TIMERS; i++)
        e->timers_nw += module_nw(e->timer_fj, timer_clock_ps(m, &m->timers[i]));
    e->uart_nw = module_nw(e->uart_fj, uart_clock_ps(m));
    e->adc_nw = adc_nw(m);
    m->look_cycle = 0;
    m->event_at = 0;
}

void energy_off(struct machine *m)
{
    settle(m);
    lea_stop(m);
    m->energy.timers_nw = m->energy.uart_nw = m->energy.adc_nw = 0;
}

void energy_boot(struct machine *m)
{
    m->energy.drawn[DRAWN_BOOT].fj += m->energy.boot_fj;
    m->count.boots++;
    clock_skip(m, m->energy.boot_ps);
}

/* A module that asks for SMCLK keeps its oscillator on, however deep the mode: SLAU367 "peripheral module clock
 * requests". LPM2 has no row of its own and is taken for LPM3.
 */
static uint64_t mode_na(const struct machine *m)
{
    const struct energy *e = &m->energy;
    uint32_t sr = m->r[SR];
    bool asked = uart_clock_ps(m) != 0 && uart_clock_ps(m) == m->clock.smclk_ps;
    for (unsigned i = 0; i < TIMERS; i++)
        asked = asked || (timer_clock_ps(m, &m->timers[i]) != 0 && (m->timers[i].ctl & 0x0300u) == 0x0200u);
    if (!(sr & (SR_SCG0 | SR_SCG1)))
        return current_na(&e->lpm0, m->clock.smclk_ps);
    if (asked || !(sr & SR_SCG1))
        return current_na(&e->lpm1, m->clock.smclk_ps);
    return sr & SR_OSCOFF ? e->lpm4_na : e->lpm3_na;
}

static uint64_t mode_nw(const struct machine *m)
{
    return mode_na(m) * m->energy.millivolts / 1000u;
}

void energy_asleep(struct machine *m, uint64_t ps)
{
    joules_add(&m->energy.drawn[DRAWN_SLEEP], mode_nw(m), ps);
}

uint64_t energy_total(struct machine *m)
{
    uint64_t total = 0;
    settle(m);
    for (int i = 0; i < DRAWN_KINDS; i++)
        total += m->energy.drawn[i].fj;
    return total;
}

uint64_t energy_worst_cycle(const struct machine *m)
{
    const struct energy *e = &m->energy;
    uint64_t access = e->miss_fj > e->write_fj ? e->miss_fj : e->write_fj; /* the bus carries one a cycle */
    uint64_t modules = (e->timers_nw + e->uart_nw + e->adc_nw) * m->clock.mclk_ps / ZJ_PER_FJ;
    return e->cycle_fj + access + e->multiplier_fj + e->crc_fj + (m->lea.busy ? e->lea_fj : 0) + modules + 1u;
}

uint64_t energy_asleep_nw(const struct machine *m)
{
    uint64_t lea_nw = m->lea.busy ? module_nw(m->energy.lea_fj, m->clock.mclk_ps) : 0;
    return mode_nw(m) + lea_nw + m->energy.timers_nw + m->energy.uart_nw + m->energy.adc_nw;
}
