/* Reads (accumulator, multiplier, shift) as int32, uint16, uint16 until the input ends; writes an int16 for each. */
#include <stdint.h>
#include <unistd.h>

#include "numeric.h"

#define MANY 128U

typedef struct {
    int32_t acc;
    uint16_t multiplier;
    uint16_t shift;
} question_t;

static question_t questions[MANY];
static int16_t answers[MANY];

static uint16_t ask(void)
{
    uint8_t *at = (uint8_t *)questions;
    uint16_t done = 0U;

    while (done < sizeof questions) {
        const int got = (int)read(STDIN_FILENO, at + done, sizeof questions - done);

        if (got <= 0) {
            break;
        }
        done = (uint16_t)(done + (uint16_t)got);
    }
    return (uint16_t)(done / sizeof(question_t));
}

int main(void)
{
    uint16_t count;

    while ((count = ask()) != 0U) {
        const uint8_t *at = (const uint8_t *)answers;
        uint16_t left = (uint16_t)(count * sizeof answers[0]);
        uint16_t i;

        for (i = 0U; i < count; i++) {
            answers[i] = requantize(questions[i].acc, questions[i].multiplier, questions[i].shift);
        }
        while (left != 0U) {
            const int put = (int)write(STDOUT_FILENO, at, left);

            if (put <= 0) {
                return 1;
            }
            at += put;
            left = (uint16_t)(left - (uint16_t)put);
        }
    }
    return 0;
}
