/* One event: a sample that waits in FRAM is delivered, run, and its answer kept; then the device sleeps until it is
 * woken, by a reset, for the next one. Whoever simulates the world puts sample and number there.
 */
#include "device.h"
#include "model.h"
#include "port.h"
#include "runtime.h"

PERSISTENT volatile uint16_t event_number = 0U;          /* of the sample that waits, from 1 */
PERSISTENT int16_t event_words[MODEL_INPUT_WORDS] = {0}; /* the sample */
PERSISTENT volatile uint16_t event_answered = 0U;        /* the number of the last answer */
PERSISTENT int16_t event_exit = 0;                       /* which exit gave it */
PERSISTENT int16_t event_class = 0;

static int16_t best_class(void)
{
    const output_t *scores = &model_outputs[0];
    uint16_t best = 0U;
    uint16_t i;

    for (i = 1U; i < scores->words; i++) {
        if (scores->data[i] > scores->data[best]) {
            best = i;
        }
    }
    return (int16_t)best;
}

int main(void)
{
    uint32_t id;

    device_start();
    for (;;) {
        if (model_done(&id) != 0) {
            nvm_put(&event_class, best_class());
            nvm_put(&event_exit, model_output_count > 1U ? model_outputs[1].data[0] : 0);
            nvm_commit(&event_answered, event_number);
            model_acknowledge();
        } else if (model_step() == 0) {
            if (event_answered == event_number) {
                return 0;
            }
            if (model_held(&id) == 0 || id != event_number) {
                (void)model_deliver(event_number, event_words);
            }
            (void)model_start();
        }
    }
}
