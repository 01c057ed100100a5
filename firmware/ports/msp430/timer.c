/* Timer_A counts SMCLK, which is as fast as the CPU's clock; its overflows make it 32 bits wide. */
#include "timer.h"

#include "device.h"
#include "port.h"
#include "registers.h"
#include "runtime.h"

#define CYCLES_PER_US (BOARD_CLOCK_HZ / 1000000UL)
#define SOONEST 200U /* cycles */
#define PATIENCE 32U /* starts without progress after which forced failures end */

static volatile uint16_t overflows;
static uint16_t due_overflows;
static uint16_t due_count;
/* Whole microseconds, so that they wrap at 2^32 and differences stay right; the cycles of less than one are kept. */
static uint32_t before_us;
static uint16_t rest_cycles;

/* Forced failures outlive the failures themselves. */
DIAG static uint16_t every[2] = {0U, 0U};
DIAG static uint16_t starts_here = 0U;
DIAG static uint16_t cursor_then = 0U;

__attribute__((interrupt)) void timer_interrupt(void)
{
    if ((TACCTL1 & (CCIE | CCIFG)) == (CCIE | CCIFG)) {
        scramble_and_reset();
    }
    if ((TACTL & TAIFG) != 0U) {
        TACTL &= (uint16_t)~TAIFG;
        overflows++;
        if (overflows == due_overflows) {
            TACCR1 = due_count;
            TACCTL1 = CCIE;
        }
    }
}

void timer_start(void)
{
    overflows = 0U;
    due_overflows = 0U;
    TACCTL1 = 0U;
    TACTL = TASSEL_SMCLK | MC_CONTINUOUS | TACLR | TAIE;
}

uint32_t timer_cycles(void)
{
    uint16_t high;
    uint16_t low;

    do { /* an overflow between the two shows in the first */
        high = overflows;
        low = TAR;
    } while (high != overflows);
    return ((uint32_t)high << 16) | low;
}

void timer_stop(void)
{
    const uint32_t cycles = timer_cycles() + rest_cycles;

    before_us += cycles / CYCLES_PER_US;
    rest_cycles = (uint16_t)(cycles % CYCLES_PER_US);
    TACTL = 0U;
    overflows = 0U;
}

uint32_t timer_microseconds(void)
{
    return before_us;
}

void fail_every(uint32_t cycles)
{
    every[0] = (uint16_t)(cycles & 0xFFFFU);
    every[1] = (uint16_t)(cycles >> 16);
    starts_here = 0U;
}

void fail_arm(void)
{
    if ((every[0] | every[1]) == 0U) {
        return;
    }
    starts_here = cursor_then == model_progress.cursor ? (uint16_t)(starts_here + 1U) : 0U;
    cursor_then = model_progress.cursor;
    if (starts_here > PATIENCE) {
        fail_every(0U);
        return;
    }
    /* What has passed before the comparison is set would come a whole round later. */
    due_count = every[0] < SOONEST ? SOONEST : every[0];
    if (every[1] != 0U) {
        due_overflows = every[1];
    } else {
        TACCR1 = due_count;
        TACCTL1 = CCIE;
    }
}
