/* The device around the model: start, clock, pins, UART, forced failures. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdint.h>

/* Clock, wait states and pins; the UART listens afterwards. */
void device_start(void);
void uart_start(void);

/* Does not come back. */
void scramble_and_reset(void);

#endif
