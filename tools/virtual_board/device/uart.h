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
    uint64_t polled_cycle; /* when the flag was last asked for */
    uint64_t quiet_ps;     /* when the last byte came or went, or the device was reset */
    bool answered;         /* bytes were sent since the host's last */
    uint64_t mute, lost;   /* bytes that no pin carried out, or in */
};

void uart_reset(struct machine *m);
uint16_t uart_read(struct machine *m, uint32_t offset);
void uart_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);
uint64_t uart_due(const struct machine *m);
void uart_event(struct machine *m);

/* The period of its clock while a frame is under way, when alone it asks for the clock; 0 otherwise. */
uint64_t uart_clock_ps(const struct machine *m);

/* A byte of the host's may start now; due_ps says what the device waits for. A byte is taken from a terminal only where
 * virtual time stands still until there is one, so that the host's own speed never counts: with nothing due, or when
 * only timers have gone on for a second of virtual time. Bytes of a file are there at once, whenever one can be taken.
 */
void uart_listen(struct machine *m, uint64_t due_ps);

#endif
