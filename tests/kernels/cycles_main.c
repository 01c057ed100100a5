/* One inference on random words, for its cycles: a large input does not fit the memory that constants have. */
#include "model.h"
#include "port.h"
#include "runtime.h"

int main(void)
{
    uint16_t word = 1U;
    uint16_t i;

    (void)model_open();
    for (i = 0U; i < model_input_words; i++) {
        word = (uint16_t)(word * 25173U + 13849U);
        nvm_put(&model_input[i], (int16_t)word);
    }
    model_close(1U);
    (void)model_start();
    while (model_step() != 0) {
    }
    return 0;
}
