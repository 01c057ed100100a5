/* A dense layer of ROWS sums of TAPS products each, weights in FRAM, by the multiplier or by the accelerator. The word
 * dense_mark is written before the input is made ready, before the rows, and after them.
 */
#include "dense_data.h" /* ROWS, TAPS, COMMAND_TAPS; inputs[], weights[][] as the kernel stores them */
#include "lea.h"

enum { CPU, WORDS, BYTES, OVERLAPPED, STAGED, RESIDENT };

__attribute__((section(".results"))) volatile int32_t dense_sums[ROWS] = {1};
__attribute__((section(".mark"))) volatile uint16_t dense_mark = 1;
volatile uint16_t lea_done;

#if KERNEL == CPU

#define TEXT(word) #word
#define TEXT_OF(macro) TEXT(macro)

/* UNROLLED products a round, of 8 cycles each; the result registers are ready when the loop has ended. */
static int32_t row_sum(const int8_t *weight, const int16_t *input)
{
    uint16_t rounds = TAPS / UNROLLED;
    union {
        uint16_t half[2];
        int32_t whole;
    } sum;
    __asm__ volatile("mov.w #0, &0x4CA\n\t"
                     "mov.w #0, &0x4CC\n"
                     "1:\n\t"
                     ".rept " TEXT_OF(UNROLLED) "\n\t"
                                                "mov.b @%[weight]+, &0x4C6\n\t"
                                                "mov.w @%[input]+, &0x4C8\n\t"
                                                ".endr\n\t"
                                                "dec.w %[rounds]\n\t"
                                                "jnz 1b\n\t"
                                                "mov.w &0x4CA, %[low]\n\t"
                                                "mov.w &0x4CC, %[high]"
                     : [weight] "+r"(weight), [input] "+r"(input), [rounds] "+r"(rounds), [low] "=&r"(sum.half[0]),
                       [high] "=&r"(sum.half[1])
                     :
                     : "memory");
    return sum.whole;
}

static void layer(void)
{
    dense_mark = 2;
    for (uint16_t row = 0; row < ROWS; row++)
        dense_sums[row] = row_sum(weights[row], inputs);
}

#else

/* The accelerator's RAM: the input, two rows of weights, parameters and result. */
#define INPUT ((int16_t *)0x2C00)
#define ROW(n) ((int16_t *)(0x3000 + 0x400 * (n)))
#define PARAMETERS ((struct lea_parameters *)0x3800)
#define OUTPUT ((volatile int32_t *)0x3810)

#define BLOCK_UP 0x1F11U /* a block at once, both addresses go up, words */
#define FROM_BYTES 0x0040U
#define SAME_SOURCE 0x0300U

static int16_t stage[TAPS];

/* The DMA takes two cycles a word, or for each byte that becomes a word. */
static inline void move(const void *source, void *target, uint16_t how)
{
    REGISTER(0x512) = (uint16_t)(uintptr_t)source;
    REGISTER(0x516) = (uint16_t)(uintptr_t)target;
    REGISTER(0x51A) = TAPS;
    __asm__ volatile("" ::: "memory");
    REGISTER(0x510) = BLOCK_UP ^ how;
    __asm__ volatile("" ::: "memory");
}

/* What is moved for the row after this one while the first command runs. */
static inline void meanwhile(uint16_t row)
{
    if (row + 1U >= ROWS)
        return;
    if (KERNEL == OVERLAPPED)
        move(weights[row + 1U], ROW(~row & 1U), 0);
    if (KERNEL == STAGED)
        move(weights[row + 1U], stage, 0);
}

/* The accelerator's results are twice the sums of their taps. */
static int32_t row_sum(uint16_t row, const int16_t *weight)
{
    int32_t sum = 0;
    for (uint16_t at = 0; at < TAPS; at += COMMAND_TAPS) {
        lea_begin(PARAMETERS, INPUT + at, weight + at, COMMAND_TAPS);
        if (at == 0)
            meanwhile(row);
        lea_wait();
        sum += *OUTPUT >> 1;
    }
    return sum;
}

/* Bytes are weights + 128: the products with 128 are taken away again. They are one more row, all of zeros, which the
 * DMA makes of one word.
 */
static int32_t correction(void)
{
    static const int16_t zero = 128;
    if (KERNEL != BYTES)
        return 0;
    move(&zero, ROW(1), SAME_SOURCE);
    return row_sum(0, ROW(1));
}

static void layer(void)
{
    move(inputs, INPUT, 0);
    PARAMETERS->output = LEA_ADDRESS(OUTPUT);
    int32_t surplus = correction();
    if (KERNEL >= OVERLAPPED)
        move(weights[0], ROW(0), 0);
    dense_mark = 2;
    for (uint16_t row = 0; row < ROWS; row++) {
        int16_t *at = ROW(KERNEL == OVERLAPPED ? row & 1U : 0);
        if (KERNEL == WORDS || KERNEL == BYTES)
            move(weights[row], at, KERNEL == BYTES ? FROM_BYTES : 0);
        if (KERNEL == STAGED && row != 0)
            move(stage, at, 0);
        dense_sums[row] = row_sum(row, at) - surplus;
    }
}

#endif

/* The flag is cleared, the program told, and the processor stays awake. */
__attribute__((naked, used)) void lea_ended(void)
{
    __asm__ volatile("mov.w #0x10, &0xAF8\n\t"
                     "mov.w #1, &lea_done\n\t"
                     "bic.w #0x10, 0(SP)\n\t"
                     "reti");
}

__attribute__((section(".lea_vector"), used)) void (*const lea_vector)(void) = lea_ended;

/* Nothing has to be set: stack, watchdog, and no way back. */
__attribute__((naked, used, section(".start"))) void _start(void)
{
    __asm__ volatile("mov.w #0x2C00, SP\n\t"
                     "mov.w #0x5A80, &0x15C\n\t"
                     "call #main\n\t"
                     "jmp .");
}

int main(void)
{
    REGISTER(0x140) = 0xA500U | WAIT_STATES << 4; /* FRCTL0 */
    REGISTER(0x160) = 0xA500U;                    /* CSCTL0, 1, 3: the DCO without dividers */
    REGISTER(0x162) = DCO;
    REGISTER(0x166) = 0;
    lea_enable();
    __asm__ volatile("nop\n\teint\n\tnop");
    dense_mark = 1;
    layer();
    dense_mark = 3;
    return 0;
}
