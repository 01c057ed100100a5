#include "measure.h"

#include <stdio.h>

#include "machine.h"
#include "runtime.h"
#include "sram.h"
#include "stream.h"

measure_t measured KEEP = {0};

static uint32_t call_start KEEP = 0U;
static uint32_t answer_end KEEP = 0U;

static void nothing(void)
{
}

static void count_event(void)
{
    measured.distinct++;
}

static void between_calls(void)
{
    const uint32_t answers = stream_wanted();

    if (machine.writes - call_start > measured.largest_call) {
        measured.largest_call = machine.writes - call_start;
    }
    call_start = machine.writes;
    /* The world moves on when it has taken an answer; the acknowledgement that follows is in the same turn. */
    if (answers != measured.answers && answers <= MEASURED_ANSWERS) {
        const uint32_t writes = machine.writes - answer_end;

        measured.writes[measured.answers] = writes;
        measured.answers = answers;
        measured.longest = writes > measured.longest ? writes : measured.longest;
        answer_end = machine.writes;
    }
}

void measure_rewind(void)
{
    image_load(&machine.fram, measured.start);
    stream_set_wanted(0U);
    machine.hash = 0U;
    machine.writes = 0U;
}

void measure(void)
{
    static const policy_t policy = {nothing, count_event, between_calls};

    measured.start = image_save(&machine.fram);
    measured.diverged = machine_run(&policy) == DIVERGED;
    measure_rewind();
}

void measure_report(void)
{
    uint32_t i;

    printf("\"layers\": %u, \"units\": %u, \"input_words\": %u, \"largest_call\": %lu, \"writes\": [",
           (unsigned)model_layer_count, (unsigned)model_units, (unsigned)model_input_words,
           (unsigned long)measured.largest_call);
    for (i = 0U; i < measured.answers; i++) {
        printf("%s%lu", i != 0U ? ", " : "", (unsigned long)measured.writes[i]);
    }
    printf("]");
}
