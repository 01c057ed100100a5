#include "periods.h"

#include <stdint.h>
#include <stdio.h>

#include "keymap.h"
#include "machine.h"
#include "measure.h"
#include "sram.h"
#include "stream.h"

#define WRITES 10000000U /* about as many in the whole sweep */

static uint32_t period KEEP = 0U;

static void nothing(void)
{
}

static void after_event(void)
{
    if (machine.writes == period) {
        machine_stop();
    }
}

/* From a cold start: FINISHED, DIVERGED, or STOPPED where the memory at a boot is the same a second time. What a boot
 * does depends on that memory alone, so from there the same failures would repeat for ever. */
static ending_t outcome(uint32_t with_period)
{
    static const policy_t policy = {nothing, after_event, nothing};
    ending_t ending = STOPPED;
    keymap_t seen;

    keymap_init(&seen);
    measure_rewind();
    period = with_period;
    while (ending == STOPPED) {
        const uint64_t key = (uint64_t)image_save(&machine.fram) << 16 | stream_wanted();

        if (keymap_get(&seen, key) != KEYMAP_NONE) {
            break;
        }
        keymap_put(&seen, key, 0U);
        ending = machine_run(&policy);
    }
    keymap_free(&seen);
    return ending;
}

int periods_sweep(void)
{
    const uint32_t limit = 2U * measured.largest_call + 16U;
    uint32_t smallest = 1U;
    uint32_t swept;
    uint32_t step;
    uint32_t p;
    const char *comma = "";
    ending_t ending = STOPPED;

    machine.target = stream_length();
    while (smallest <= limit && (ending = outcome(smallest)) == STOPPED) {
        smallest++;
    }
    swept = smallest;
    printf(", \"smallest_period\": %lu, \"livelocked\": [", (unsigned long)(ending == FINISHED ? smallest : 0U));
    /* From a period of a whole inference on, nothing is left to be in the way. Below, every one that time allows. */
    step = 1U + (uint32_t)((uint64_t)measured.longest * measured.longest * stream_length() / WRITES);
    for (p = smallest + 1U; ending != DIVERGED && p <= measured.longest; p += step) {
        ending = outcome(p);
        swept++;
        if (ending == STOPPED) {
            printf("%s%lu", comma, (unsigned long)p);
            comma = ", ";
        }
    }
    printf("], \"periods\": %lu", (unsigned long)swept);
    return ending == DIVERGED;
}
