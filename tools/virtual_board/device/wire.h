/* The host's end of the serial line: a pseudo-terminal, or files. */

#ifndef WIRE_H
#define WIRE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct wire {
    int in, out; /* file descriptors, -1 where there is none */
    bool terminal;
    bool owned;                   /* standard input stays open as long as whoever started this program lives */
    uint64_t latency_ps;          /* of the host's answers */
    volatile sig_atomic_t *ended; /* set by a signal: nothing is waited for any more */
    uint32_t baud;                /* of the host, 0 where it follows the device */
    uint64_t bit_ps;              /* of the device, as last used */
};

/* Makes a pseudo-terminal; its name, or NULL. */
const char *wire_open_terminal(struct wire *w);
bool wire_open_files(struct wire *w, const char *in, const char *out);

/* The host's bit time; the device's own where there is no terminal and no rate was given. */
uint64_t wire_bit_ps(const struct wire *w, uint64_t device_bit_ps);

/* Waits until the host has room, so that no byte is lost; ends without where a signal asks for the end. */
void wire_send(struct wire *w, uint8_t byte);

/* Waits for the host's first byte, or for the end. */
void wire_await(struct wire *w);

/* A byte, or -1 where there is none: now, or ever, or because a signal ended the wait. */
int wire_receive(struct wire *w, bool block);

/* What a receiver at one rate makes of a byte sent at another; whether it saw the stop bit. */
uint8_t wire_sample(uint8_t byte, uint64_t sender_bit_ps, uint64_t receiver_bit_ps, bool *stop_bit);

#endif
