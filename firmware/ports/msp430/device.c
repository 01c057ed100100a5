#include "device.h"

#include "marks.h"
#include "registers.h"

#define VLO_DCO_DCO 0x0133U /* ACLK, SMCLK, MCLK */
#define QUARTER 0x0022U     /* SMCLK and MCLK divided by four */

/* In TI's order: wait states before the clock is raised, and divided down while the oscillator settles (it overshoots:
 * example msp430fr599x_cs_02.c). Pins work from the moment LOCKLPM5 is cleared.
 */
void device_start(void)
{
    FRCTL0 = PASSWORD | BOARD_FRAM_WAITS << 4;
    CSCTL0 = PASSWORD;
    CSCTL3 = QUARTER;
    CSCTL2 = VLO_DCO_DCO;
    CSCTL1 = BOARD_CSCTL1;
    __delay_cycles(60);
    CSCTL3 = 0U;
    CSCTL0_KEY = 0U;
    marks_start();
    PM5CTL0 = 0U;
    uart_start();
    INTERRUPTS_ON();
}
