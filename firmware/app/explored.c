/* The program whose crash states are explored: it answers the inputs of explored/inputs.h one after the other, and
 * keeps in FRAM how many of its answers the environment has taken. The explorer looks at memory whenever it says so.
 */
#include "explored/inputs.h"
#include "model.h"
#include "port.h"
#include "runtime.h"

/* What no input has: an answer under a torn id is told apart from all of them. */
#define TORN 0xFFFFU

PERSISTENT volatile uint16_t explored_taken = 0U;

/* Both halves of an id are the input's number, from 1. */
static uint32_t id_of(uint16_t number)
{
    return ((uint32_t)number << 16) | number;
}

static uint16_t number_of(uint32_t id)
{
    const uint16_t number = (uint16_t)(id & 0xFFFFU);

    return id == id_of(number) ? number : TORN;
}

#ifdef EXPLORED_PARTS

#include "serial.h"

#define PART 20U /* words, so that there are several parts and a shorter one */

/* As it comes over the serial line. */
static void deliver(uint32_t id, const int16_t *words)
{
    uint16_t at;

    if (input_open(id) != 0) {
        return;
    }
    for (at = 0U; at < MODEL_INPUT_WORDS; at = (uint16_t)(at + PART)) {
        const uint16_t left = (uint16_t)(MODEL_INPUT_WORDS - at);

        (void)input_write(id, at, (const uint8_t *)(words + at), left < PART ? left : PART);
    }
    (void)input_close(id);
}

#else

static void deliver(uint32_t id, const int16_t *words)
{
    (void)model_deliver(id, words);
}

#endif

int main(void)
{
    uint32_t id;

    for (;;) {
        const uint16_t next = (uint16_t)(explored_taken + 1U);

        if (model_done(&id) != 0) {
            nvm_commit(&explored_taken, number_of(id));
            model_acknowledge();
        } else if (model_step() == 0) {
            if (next > EXPLORED_INPUTS) {
                return 0;
            }
            if (model_held(&id) != 0 && id == id_of(next)) {
                (void)model_start();
            } else {
                deliver(id_of(next), explored_inputs[next - 1U]);
            }
        }
    }
}
