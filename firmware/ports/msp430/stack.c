#include "stack.h"

#include "registers.h"

#define PAINT 0x5AC3U

/* From board.ld: the stack grows down from __stack to __stack_limit. */
extern uint16_t __stack_limit[];
extern uint16_t __stack[];

static uint8_t painted;

uint16_t stack_used(void)
{
    volatile uint16_t *word = __stack_limit;
    const volatile uint16_t *pointer;
    uint16_t used = 0U;

    INTERRUPTS_OFF(); /* one would lie where this paints */
    if (painted != 0U) {
        while (word < __stack && *word == PAINT) {
            word++;
        }
        used = (uint16_t)((uint16_t)(__stack - word) * 2U);
    }
    painted = 1U;
    __asm__ volatile("mova r1, %0" : "=r"(pointer));
    for (word = __stack_limit; word < pointer; word++) {
        *word = PAINT;
    }
    INTERRUPTS_ON();
    return used;
}
