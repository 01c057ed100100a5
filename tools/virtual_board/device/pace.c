#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep */
#include "pace.h"

#include <time.h>

#include "machine.h"

#define STEP_PS UINT64_C(5000000000) /* 5 ms */

static uint64_t wall_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void pace_restart(struct machine *m)
{
    m->pace.running = m->pace.wanted;
    if (m->pace.wanted)
        m->pace.wall_ns = wall_ns();
    m->pace.virtual_ps = clock_now(m);
}

void pace(struct machine *m)
{
    struct pace *p = &m->pace;
    uint64_t now;
    if (!p->wanted)
        return;
    now = wall_ns();
    if (p->running && (clock_now(m) - p->virtual_ps) / 1000u > now - p->wall_ns) {
        uint64_t ahead = (clock_now(m) - p->virtual_ps) / 1000u - (now - p->wall_ns);
        struct timespec rest = {(time_t)(ahead / 1000000000u), (long)(ahead % 1000000000u)};
        (void)nanosleep(&rest, NULL); /* a signal ends it */
        return;
    }
    pace_restart(m); /* a simulation that is behind does not catch up */
}

uint64_t pace_due(const struct machine *m)
{
    return m->pace.wanted ? clock_now(m) + STEP_PS : NEVER;
}
