#include "supply.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

#define ZJ_PER_FJ UINT64_C(1000000)
#define FEMTO 1e-15
#define LONGEST UINT64_C(1000000000000) /* femtojoules that can be multiplied by ZJ_PER_FJ */
#define SHORTEST_STEP_PS 1000000u       /* a microsecond */
#define STEPS_PER_RC 16.0
#define FRUITLESS 1000u

/* Lines "picoseconds value". */
static bool read_trace(struct trace *t, const char *path, bool volts)
{
    FILE *file = fopen(path, "r");
    unsigned long long ps, value;
    bool fits = file != NULL;
    t->volts = volts;
    while (fits && fscanf(file, "%llu %llu", &ps, &value) == 2) {
        if ((t->count & (t->count + 1u)) == 0) { /* 0, 1, 3, 7...: room for twice as many */
            uint64_t *longer = realloc(t->ps, 2u * (t->count + 1u) * sizeof *t->ps);
            uint64_t *larger = realloc(t->value, 2u * (t->count + 1u) * sizeof *t->value);
            t->ps = longer;
            t->value = larger;
            fits = longer != NULL && larger != NULL;
        }
        if (fits) {
            t->ps[t->count] = ps;
            t->value[t->count++] = value;
        }
    }
    if (file != NULL)
        (void)fclose(file);
    return fits && t->count > 0;
}

bool supply_option(struct machine *m, const char *name, const char *value)
{
    struct supply *s = &m->supply;
    const struct {
        const char *name;
        uint64_t *target;
    } numbers[] = {{"capacitor_pf", &s->picofarads}, {"on_fj", &s->on_fj},         {"off_fj", &s->off_fj},
                   {"max_fj", &s->max_fj},           {"harvest_nw", &s->power_nw}, {"source_mohm", &s->source_mohm},
                   {"start_fj", &s->start_fj}};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].target = strtoull(value, NULL, 10);
            s->present = true;
            return true;
        }
    }
    if (strcmp(name, "trace_nw") != 0 && strcmp(name, "trace_uv") != 0)
        return false;
    s->present = true;
    return read_trace(&s->trace, value, strcmp(name, "trace_uv") == 0);
}

static double volts_of(const struct supply *s)
{
    return s->stored_fj > 0 ? sqrt(2.0 * (double)s->stored_fj * FEMTO / ((double)s->picofarads * 1e-12)) : 0.0;
}

/* What a source of so many volts gives in a step: the capacitor's voltage moves toward the source's by step/RC, and
 * nothing flows back. Additions, products and a square root only, so that every computer finds the same.
 */
static uint64_t through_resistor(const struct supply *s, double source, uint64_t step_ps)
{
    double farads = (double)s->picofarads * 1e-12, ohms = (double)s->source_mohm * 1e-3, now = volts_of(s);
    double seconds = (double)step_ps * 1e-12;
    if (source <= now)
        return 0;
    double part = seconds / (ohms * farads), next = now + (source - now) * (part < 1.0 ? part : 1.0);
    return (uint64_t)(0.5 * farads * (next * next - now * now) / seconds * 1e9);
}

static uint64_t longest_step(const struct supply *s)
{
    double ps = (double)s->picofarads * (double)s->source_mohm * 1e-3 / STEPS_PER_RC;
    return ps < SHORTEST_STEP_PS ? SHORTEST_STEP_PS : ps > 1e15 ? (uint64_t)1e15 : (uint64_t)ps;
}

/* From since_ps on. */
static void set_power(struct supply *s)
{
    struct trace *t = &s->trace;
    s->until_ps = NEVER;
    if (t->count == 0)
        return;
    if (s->since_ps >= t->end_ps) {
        t->at = t->at + 1u == t->count ? 0 : t->at + 1u;
        t->rounds += t->at == 0;
        t->end_ps += t->ps[t->at];
    }
    s->until_ps = t->end_ps;
    s->power_nw = t->value[t->at];
    if (t->volts) {
        uint64_t step = longest_step(s), left = t->end_ps - s->since_ps;
        step = left < step ? left : step;
        s->until_ps = s->since_ps + step;
        s->power_nw = through_resistor(s, (double)t->value[t->at] * 1e-6, step);
    }
}

static void harvest(struct supply *s, uint64_t until)
{
    joules_add(&s->income, s->power_nw, until - s->since_ps);
    int64_t room = (int64_t)s->max_fj - s->stored_fj, gain = (int64_t)s->income.fj;
    gain = gain > room ? room > 0 ? room : 0 : gain;
    s->income.fj = 0;
    s->stored_fj += gain;
    s->harvested_fj += (uint64_t)gain;
    s->since_ps = until;
}

static void settle(struct supply *s, uint64_t now, uint64_t drawn)
{
    s->stored_fj -= (int64_t)(drawn - s->drawn_fj);
    s->drawn_fj = drawn;
    while (s->until_ps <= now) {
        harvest(s, s->until_ps);
        set_power(s);
    }
    harvest(s, now);
}

void supply_start(struct machine *m)
{
    struct supply *s = &m->supply;
    s->stored_fj = (int64_t)(s->start_fj != 0 ? s->start_fj : s->on_fj);
    if (s->trace.count > 0)
        s->trace.end_ps = s->trace.ps[0];
    set_power(s);
}

static bool is_watched(const struct machine *m)
{
    return m->supply.present || m->fail.at_energy != 0;
}

/* Femtojoules until something happens; leaves the instruction where it happens now. */
static uint64_t budget(struct machine *m)
{
    struct supply *s = &m->supply;
    uint64_t drawn = energy_total(m), least = NEVER;
    if (m->fail.at_energy != 0) {
        if (drawn >= m->fail.at_energy)
            leave(m, AWAY_POWER);
        least = m->fail.at_energy - drawn;
    }
    if (s->present) {
        settle(s, clock_now(m), drawn);
        if (s->stored_fj <= (int64_t)s->off_fj)
            leave(m, AWAY_EMPTY);
        uint64_t left = (uint64_t)s->stored_fj - s->off_fj;
        least = left < least ? left : least;
    }
    return least;
}

/* Nothing happens before so many of the dearest cycles, whatever is harvested meanwhile. What is found there is closer,
 * and in the end every instruction is looked at.
 */
void supply_look(struct machine *m)
{
    m->look_cycle = NEVER;
    if (!is_watched(m))
        return;
    uint64_t cycles = budget(m) / energy_worst_cycle(m);
    m->look_cycle = m->cycles + (cycles == 0 ? 1u : cycles);
    if (m->supply.trace.count != 0) { /* what is lost of a full capacitor's income is known as long as that stays */
        uint64_t step = clock_cycle_at(m, m->supply.until_ps);
        m->look_cycle = step < m->look_cycle ? step : m->look_cycle;
    }
}

/* How long a power takes for an energy, rounded up; or so far that it has to be asked again. */
static uint64_t time_for(uint64_t fj, uint64_t nw)
{
    return nw == 0 ? NEVER : (fj < LONGEST ? fj : LONGEST) * ZJ_PER_FJ / nw + 1u;
}

uint64_t supply_due(struct machine *m)
{
    const struct supply *s = &m->supply;
    if (!is_watched(m))
        return NEVER;
    uint64_t draw = energy_asleep_nw(m), left = budget(m), until = s->present ? s->until_ps : NEVER;
    uint64_t now = clock_now(m), harvested = s->present && m->fail.at_energy == 0 ? s->power_nw : 0;
    uint64_t wait = draw > harvested ? time_for(left, draw - harvested) : NEVER;
    m->look_cycle = 0; /* what is found after the sleep is not what is left now */
    return wait == NEVER || now + wait > until ? until : now + wait;
}

/* A source that is never above v_on comes ever nearer to it. */
static bool reaches_v_on(const struct supply *s)
{
    double on = sqrt(2.0 * (double)s->on_fj * FEMTO / ((double)s->picofarads * 1e-12));
    bool reached = !s->trace.volts;
    for (unsigned i = 0; i < s->trace.count && !reached; i++)
        reached = (double)s->trace.value[i] * 1e-6 > on;
    return reached;
}

void supply_recharge(struct machine *m)
{
    struct supply *s = &m->supply;
    uint64_t rounds = s->trace.rounds;
    int64_t before = INT64_MIN;
    s->fruitless = m->count.instructions == s->started_at ? s->fruitless + 1u : 0;
    s->started_at = m->count.instructions;
    if (s->fruitless > (s->trace.count == 0 ? 0 : FRUITLESS))
        stop(m, "starved", "what the capacitor holds between v_on and v_off does not pay for a start");
    if (!reaches_v_on(s))
        stop(m, "starved", "the trace's highest voltage is not above v_on");
    settle(s, clock_now(m), energy_total(m));
    while (s->stored_fj < (int64_t)s->on_fj) {
        uint64_t now = clock_now(m), step = time_for((uint64_t)((int64_t)s->on_fj - s->stored_fj), s->power_nw);
        if (m->interrupted)
            stop(m, "interrupted", "");
        if (s->until_ps != NEVER && s->until_ps - now < step)
            step = s->until_ps - now;
        if (step == NEVER)
            stop(m, "starved", "nothing is harvested, so the capacitor never reaches v_on again");
        clock_skip(m, step);
        settle(s, clock_now(m), energy_total(m));
        if (s->trace.rounds != rounds) {
            if (s->stored_fj <= before)
                stop(m, "starved", "a whole round of the trace does not bring the capacitor nearer to v_on");
            before = s->stored_fj;
            rounds = s->trace.rounds;
        }
    }
}

/* A copy is settled: where the capacitor is full, when one settles decides what is lost. */
static struct supply settled(struct machine *m)
{
    struct supply copy = m->supply;
    settle(&copy, clock_now(m), energy_total(m));
    return copy;
}

double supply_volts(struct machine *m)
{
    if (!m->supply.present)
        return (double)NAN;
    struct supply copy = settled(m);
    return volts_of(&copy);
}

uint64_t supply_harvested(struct machine *m)
{
    return m->supply.present ? settled(m).harvested_fj : 0;
}
