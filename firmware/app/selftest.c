/* Runs the recorded input and compares every output with the recorded answer, which is that of a supply that is neither
 * low nor plenty. Ends with 0 where they are equal.
 */
#include <stdio.h>

#include "input.h"
#include "model.h"
#include "runtime.h"

int main(void)
{
    uint32_t id = 0U;
    uint16_t output;
    uint32_t at = 0U;

#ifdef MODEL_EXITS
    model_ignore_supply();
#endif
    if (model_deliver(1U, selftest_input) != 0 || model_start() != 0) {
        printf("selftest: FAIL, the input is refused\n");
        return 5;
    }
    while (model_step() != 0) {
    }
    if (model_done(&id) == 0 || id != 1U) {
        printf("selftest: FAIL, no answer\n");
        return 5;
    }
    for (output = 0U; output < model_output_count; output++) {
        uint16_t i;
        for (i = 0U; i < model_outputs[output].words; i++, at++) {
            if (model_outputs[output].data[i] != selftest_expected[at]) {
                printf("selftest: FAIL, output %u word %u is %d, not %d\n", (unsigned)output, (unsigned)i,
                       (int)model_outputs[output].data[i], (int)selftest_expected[at]);
                return 5;
            }
        }
    }
    model_acknowledge();
    printf("selftest: PASS, %lu words\n", (unsigned long)at);
    return 0;
}
