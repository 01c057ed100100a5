/* eUSCI_A as a UART, 8N1. Receiving goes on while the program computes; sending and waiting sleep in LPM0. */
#include "device.h"

#include "line.h"
#include "port.h"
#include "registers.h"

#define RING 64U /* a power of two */

SCRATCH static volatile uint8_t ring[RING];
static volatile uint8_t head;
static volatile uint8_t tail;

static void select_pins(void)
{
    if ((BOARD_UART_FUNCTION & 1U) != 0U) {
        BYTE_AT(BOARD_UART_TX_SEL0) |= BOARD_UART_TX_BIT;
        BYTE_AT(BOARD_UART_RX_SEL0) |= BOARD_UART_RX_BIT;
    }
    if ((BOARD_UART_FUNCTION & 2U) != 0U) {
        BYTE_AT(BOARD_UART_TX_SEL1) |= BOARD_UART_TX_BIT;
        BYTE_AT(BOARD_UART_RX_SEL1) |= BOARD_UART_RX_BIT;
    }
}

void uart_start(void)
{
    select_pins(); /* they belong to the UART before it is released */
    UCACTLW0 = UCSWRST | UCSSEL_SMCLK;
    UCABRW = BOARD_UART_BRW;
    UCAMCTLW = BOARD_UART_MCTLW;
    UCACTLW0 = UCSSEL_SMCLK;
    UCAIE = UCRXIFG;
}

__attribute__((interrupt)) void uart_interrupt(void)
{
    if ((UCAIFG & UCRXIFG) != 0U) {
        const uint8_t byte = (uint8_t)UCARXBUF;
        const uint8_t next = (uint8_t)((head + 1U) & (RING - 1U));

        if (next != tail) {
            ring[head] = byte;
            head = next;
        }
    }
    if ((UCAIFG & UCTXIFG) != 0U) {
        UCAIE = UCRXIFG;
    }
    __bic_SR_register_on_exit(SR_LPM0);
}

uint8_t line_get(void)
{
    uint8_t byte;

    INTERRUPTS_OFF();
    while (head == tail) {
        SLEEP();
        INTERRUPTS_OFF();
    }
    byte = ring[tail];
    tail = (uint8_t)((tail + 1U) & (RING - 1U));
    INTERRUPTS_ON();
    return byte;
}

void line_put(uint8_t byte)
{
    INTERRUPTS_OFF();
    while ((UCAIFG & UCTXIFG) == 0U) {
        UCAIE = UCRXIFG | UCTXIFG;
        SLEEP();
        INTERRUPTS_OFF();
    }
    UCATXBUF = byte;
    INTERRUPTS_ON();
}
