/* The decision at an early exit. It may be taken again after a failure, and then otherwise where the supply has
 * changed; what counts is the one whose commit follows.
 */
#include "exits.h"

#include "runtime.h"

#ifdef MODEL_EXITS

#include "supply.h"

#ifdef MODEL_FLOAT

static int confident(const exit_t *p)
{
    (void)p;
    return 0;
}

#else

/* Whether the best score is further above the second than the exit's margin. */
static int confident(const exit_t *p)
{
    int16_t best = p->scores[0];
    int16_t second = INT16_MIN;
    uint16_t i;

    for (i = 1U; i < p->classes; i++) {
        if (p->scores[i] > best) {
            second = best;
            best = p->scores[i];
        } else if (p->scores[i] > second) {
            second = p->scores[i];
        }
    }
    return (uint16_t)((uint16_t)best - (uint16_t)second) > model_progress.margins[p->number];
}

#endif

/* A confident answer is enough, unless what it saves would be lost; another one is, where there is not enough to go on.
 */
static int leaves(const exit_t *p)
{
    uint16_t sure;
    uint16_t wanted;

    if (p->number >= model_progress.limit) {
        return 1;
    }
    sure = (uint16_t)confident(p);
    wanted = sure != 0U ? model_progress.plenty : model_progress.levels[p->number];
    return wanted == 0U ? (int)sure : port_supply() < wanted;
}

int kernel_exit(const void *params)
{
    const exit_t *p = params;
    uint16_t i;

    if (leaves(p) == 0) {
        return 0;
    }
    for (i = 0U; i < p->classes; i++) {
        store(p->answer + i, p->scores[i]);
    }
    store(p->exit, (element_t)p->number);
    return 1;
}

#endif
