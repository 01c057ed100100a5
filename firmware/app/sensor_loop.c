/* How the model serves a firmware of your own: a sensor loop with persistent state of its own.
 *
 * The loop may be cut by a power failure anywhere. What it must not lose is in PERSISTENT memory and follows the same
 * rule as the model: complete before the commit that exposes it, untouched until the next. Here that is a counter of
 * samples, which is also the id of an input, and a histogram of answers.
 *
 * Supply the three functions declared below, and compile this file with the project instead of main.c.
 */
#include "model.h"
#include "port.h"
#include "runtime.h"

#define CLASSES 16U

/* Reads one input from the sensor into words. */
void sensor_read(int16_t *words);
/* Sleeps until it is time for the next sample. */
void sensor_wait(void);
/* Shows or sends an answer. */
void sensor_report(uint32_t id, uint16_t answer);

/* Two copies of the histogram; the low bit of samples says which one is current. */
PERSISTENT static volatile uint16_t samples = 0U;
PERSISTENT static int16_t histogram[2][CLASSES] = {{0}};

static uint16_t best_class(void)
{
    const output_t *scores = &model_outputs[0];
    uint16_t best = 0U;
    uint16_t i;

    for (i = 1U; i < scores->words; i++) {
        if (scores->data[i] > scores->data[best]) {
            best = i;
        }
    }
    return best;
}

/* Counts an answer: the other copy is written completely, then the counter exposes it. Running it again after a
 * failure starts from the same current copy, so nothing is counted twice.
 */
static void count_answer(uint16_t answer)
{
    const uint16_t current = samples & 1U;
    const uint16_t other = current ^ 1U;
    uint16_t i;

    for (i = 0U; i < CLASSES; i++) {
        nvm_put(&histogram[other][i], (int16_t)(histogram[current][i] + (i == answer ? 1 : 0)));
    }
    nvm_commit(&samples, (uint16_t)(samples + 1U));
}

void sensor_loop(void)
{
    static int16_t words[MODEL_INPUT_WORDS];
    uint32_t id;

    for (;;) {
        if (model_done(&id) != 0) {
            /* The answer of an input that was counted before the failure is only given up. */
            if (id == samples) {
                const uint16_t answer = best_class();
                sensor_report(id, answer);
                count_answer(answer);
            }
            model_acknowledge();
        } else if (model_step() == 0) {
            if (model_held(&id) == 0 || id != samples) {
                sensor_wait();
                sensor_read(words);
                (void)model_deliver(samples, words);
            }
            (void)model_start();
        }
    }
}
