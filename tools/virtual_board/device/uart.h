/* One eUSCI_A as a UART, and the wire to the host. */

#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct uart {
    uint32_t base; /* 0 where nothing is connected */
    unsigned vector, function, tx_port, tx_pin, rx_port, rx_pin;
    uint16_t ctlw0, ctlw1, brw, mctlw, statw, abctl, irctl, rxbuf, txbuf, ie, ifg;
    bool waiting; /* txbuf holds a byte that is not being sent yet */
    uint8_t sending, arriving;
    uint64_t sent_ps, arrived_ps; /* when these bytes are complete; NEVER where there is none */
    unsigned idle_polls;
    uint64_t mute, lost; /* bytes that no pin carried out, or in */
};

void uart_reset(struct machine *m);
uint16_t uart_read(struct machine *m, uint32_t offset);
void uart_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);
uint64_t uart_due(const struct machine *m);
void uart_event(struct machine *m);

/* A byte of the host's may start now. Where the board stands still it blocks until there is one, so that the host's own
 * speed does not count. Where a timer goes on, or a program polls, it is taken when it is there: then runs can differ.
 */
void uart_listen(struct machine *m, bool block);

#endif
