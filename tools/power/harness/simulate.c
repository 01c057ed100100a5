#include "simulate.h"

#include <stdio.h>

#include "machine.h"
#include "measure.h"
#include "periods.h"
#include "report.h"
#include "sram.h"
#include "stream.h"

#define MAX_STREAM 60000U /* ids have 16 bits of number */
#define MAX_STUCK 10000U  /* failures in a row without an answer */

typedef struct {
    uint32_t wanted; /* failures */
    uint32_t injected;
    uint32_t inferences;
    uint32_t left; /* writes until the next failure */
    int before;    /* it comes before that write, not after it */
    uint32_t stuck;
} random_t;

static random_t run KEEP = {0};

static void fail_now(void)
{
    run.injected++;
    machine_stop();
}

static void before_write(void)
{
    if (run.injected < run.wanted && --run.left == 0U && run.before) {
        fail_now();
    }
}

static void after_event(void)
{
    if (run.injected < run.wanted && run.left == 0U) {
        fail_now();
    }
}

static void between_calls(void)
{
    /* No more failures: the next answer is the last. */
    if (run.injected == run.wanted && machine.target == MAX_STREAM) {
        machine.target = (uint16_t)(stream_wanted() + 1U);
    }
}

/* One boot. Gaps reach three times the largest call, so that most calls end and every point in them fails. */
static ending_t boot(const policy_t *policy)
{
    const uint16_t before = stream_wanted();
    ending_t ending;

    run.left = 1U + (uint32_t)(sram_random() >> 33) % (3U * measured.largest_call + 1U);
    run.before = (int)(sram_random() >> 63);
    ending = machine_run(policy);
    run.inferences += (uint32_t)(stream_wanted() - before);
    run.stuck = stream_wanted() != before ? 0U : run.stuck + 1U;
    return ending;
}

static int random_failures(void)
{
    static const policy_t policy = {before_write, after_event, between_calls};
    ending_t ending = STOPPED;

    while (ending == STOPPED || run.injected < run.wanted) {
        if (ending == FINISHED) {
            measure_rewind(); /* the ids are used up: a cold start again */
        }
        machine.target = MAX_STREAM;
        ending = boot(&policy);
        if (ending == DIVERGED) {
            return 1;
        }
        if (run.stuck == MAX_STUCK) {
            machine.divergence.kind = "no end: no answer in a long row of random failures";
            return 1;
        }
    }
    return 0;
}

void simulate(uint64_t seed, uint32_t failures)
{
    int diverged;

    measure();
    run.wanted = failures;
    diverged = measured.diverged || random_failures();
    printf("{\"failures\": %lu, \"inferences\": %lu, \"divergences\": %d, \"seed\": %llu, ",
           (unsigned long)run.injected, (unsigned long)run.inferences, diverged, (unsigned long long)seed);
    measure_report();
    if (!diverged) {
        diverged = periods_sweep();
    }
    if (diverged) {
        printf(", \"first\": ");
        report_divergence(&machine.divergence);
    }
    printf("}\n");
}
