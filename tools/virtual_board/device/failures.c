#include "failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

static bool add(struct failures *f, enum failure_kind kind, uint64_t at)
{
    struct planned_failure *longer = realloc(f->list, (f->count + 1u) * sizeof *longer);
    if (longer == NULL)
        return false;
    f->list = longer;
    f->list[f->count].kind = kind;
    f->list[f->count].at = at;
    f->list[f->count++].over = false;
    return true;
}

bool failures_add(struct machine *m, const char *text)
{
    static const char *const names[] = {"cycle", "instruction", "address", "before_write", "after_write", "energy"};
    struct failures *f = &m->failures;
    const char *value = strchr(text, ':');
    unsigned long long seed, mean;
    if (value == NULL)
        return false;
    size_t length = (size_t)(value - text);
    uint64_t number = strtoull(value + 1, NULL, 10);
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == length && strncmp(text, names[i], length) == 0)
            return add(f, (enum failure_kind)i, number);
    }
    if (strncmp(text, "every_cycles:", 13) == 0) {
        f->every = number;
        return number != 0;
    }
    if (sscanf(text, "random:%llu:%llu", &seed, &mean) != 2 || mean == 0)
        return false;
    f->chance = seed;
    f->mean = mean;
    return true;
}

/* splitmix64, Steele 2014; other numbers than those that fill memory at power-up */
static uint64_t chance(struct failures *f)
{
    uint64_t x = f->chance += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static uint64_t reached(struct machine *m, enum failure_kind kind)
{
    return kind == FAIL_CYCLE         ? m->cycles
           : kind == FAIL_INSTRUCTION ? m->count.instructions
           : kind == FAIL_ENERGY      ? energy_total(m)
           : kind == FAIL_ADDRESS     ? 0
                                      : m->count.fram_writes;
}

static void first(uint64_t *target, uint64_t at)
{
    *target = at < *target ? at : *target;
}

static void set(struct failing *next, const struct planned_failure *p)
{
    switch (p->kind) {
    case FAIL_CYCLE:
        first(&next->at_cycle, p->at);
        break;
    case FAIL_INSTRUCTION:
        first(&next->at_instruction, p->at);
        break;
    case FAIL_ADDRESS:
        next->by_address = true;
        break;
    case FAIL_BEFORE_WRITE:
        first(&next->before_write, p->at);
        break;
    case FAIL_AFTER_WRITE:
        first(&next->after_write, p->at);
        break;
    case FAIL_ENERGY:
        if (next->at_energy == 0 || p->at < next->at_energy)
            next->at_energy = p->at;
        break;
    }
}

void failures_arm(struct machine *m)
{
    static const struct failing none = {NEVER, NEVER, NEVER, NEVER, 0, false};
    struct failures *f = &m->failures;
    bool again = m->count.power_failures > 0; /* what lies at 0 fails at the first start */
    m->fail = none;
    for (unsigned i = 0; i < f->count; i++) {
        struct planned_failure *p = &f->list[i];
        p->over = p->over || (again && p->kind != FAIL_ADDRESS && p->at <= reached(m, p->kind));
        if (!p->over)
            set(&m->fail, p);
    }
    if (f->every != 0)
        first(&m->fail.at_cycle, (m->cycles / f->every + 1u) * f->every);
    if (f->mean != 0) {
        if (f->next <= m->cycles)
            f->next = m->cycles + 1u + chance(f) % (2u * f->mean - 1u);
        first(&m->fail.at_cycle, f->next);
    }
    m->look_cycle = 0;
}

bool failures_at_address(struct machine *m, uint32_t address)
{
    for (unsigned i = 0; i < m->failures.count; i++) {
        struct planned_failure *p = &m->failures.list[i];
        if (p->kind == FAIL_ADDRESS && !p->over && p->at == address) {
            p->over = true;
            return true;
        }
    }
    return false;
}
