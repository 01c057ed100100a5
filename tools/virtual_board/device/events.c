#include "events.h"

#include "machine.h"

enum { PATIENCE = 1000 }; /* an input of a few KB over a slow line takes some charges, too */

struct record {
    uint64_t ps, cycles, wait_cycles, energy_fj;
    double volts;
    uint32_t kind, value;
};

void event_record(struct machine *m, enum event_kind kind, uint32_t value)
{
    if (m->events.file == NULL)
        return;
    struct record r = {clock_now(m),    m->cycles,      m->count.waits, energy_total(m),
                       supply_volts(m), (uint32_t)kind, value};
    (void)fwrite(&r, sizeof r, 1, m->events.file);
}

void event_watched(struct machine *m, uint16_t value)
{
    event_flush(m);
    m->events.written = true;
    m->events.losses = 0;
    m->events.value = value;
    m->event_at = 0;
}

void event_lost(struct machine *m)
{
    if (m->events.watched != 0 && ++m->events.losses > PATIENCE)
        stop(m, "stuck", "%u charges in a row made no progress", (unsigned)PATIENCE);
}

void event_flush(struct machine *m)
{
    if (!m->events.written)
        return;
    m->events.written = false;
    event_record(m, EVENT_WATCH, m->events.value);
    if (m->stopped == NULL && m->events.value == m->events.stop_at)
        stop(m, "watched", "");
}
