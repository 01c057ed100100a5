/* The self-test on a board, without a serial line: the recorded input runs once at every power-up, from wherever the
 * last failure left it, and the verdict stays in FRAM for a debugger to read.
 */
#include "input.h"
#include "model.h"
#include "port.h"
#include "runtime.h"

#define PASSED 0x600DU
#define FAILED 0xBAD0U

/* PASSED or FAILED once an answer was compared, 0 before. */
PERSISTENT volatile uint16_t selftest_verdict = 0U;

static uint16_t verdict(void)
{
    uint16_t output;
    uint16_t at = 0U;

    for (output = 0U; output < model_output_count; output++) {
        uint16_t i;
        for (i = 0U; i < model_outputs[output].words; i++, at++) {
            if (model_outputs[output].data[i] != selftest_expected[at]) {
                return FAILED;
            }
        }
    }
    return PASSED;
}

int main(void)
{
    uint32_t id;

#ifdef MODEL_EXITS
    /* The recorded answer is that of a supply that is neither low nor plenty. */
    model_ignore_supply();
#endif
    if (model_done(&id) == 0 && model_step() == 0) {
        if (model_held(&id) == 0) {
            (void)model_deliver(1U, selftest_input);
        }
        (void)model_start();
    }
    while (model_step() != 0) {
    }
    /* The answer waits until the verdict is in memory. */
    nvm_commit(&selftest_verdict, verdict());
    model_acknowledge();
    return 0;
}
