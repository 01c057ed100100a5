#define _XOPEN_SOURCE 600 /* pseudo-terminals */
#define _DEFAULT_SOURCE 1 /* rates above 38400 */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Until a host sets a rate it has none: what is sent before is not garbled. */
#define NOBODYS_SPEED B50

const char *wire_open_terminal(struct wire *w)
{
    struct termios raw;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0 || ptsname(terminal) == NULL)
        return NULL;
    int other = open(ptsname(terminal), O_RDWR | O_NOCTTY); /* kept open, so that hosts may come and go */
    if (other < 0 || tcgetattr(other, &raw) != 0)
        return NULL;
    raw.c_iflag = 0;
    raw.c_oflag = 0;
    raw.c_lflag = 0;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)cfsetispeed(&raw, NOBODYS_SPEED);
    (void)cfsetospeed(&raw, NOBODYS_SPEED);
    if (tcsetattr(other, TCSANOW, &raw) != 0)
        return NULL;
    w->in = w->out = terminal;
    w->terminal = true;
    return ptsname(terminal);
}

bool wire_open_files(struct wire *w, const char *in, const char *out)
{
    if (in != NULL && (w->in = open(in, O_RDONLY)) < 0)
        return false;
    return out == NULL || (w->out = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666)) >= 0;
}

static uint32_t terminal_baud(int terminal)
{
    static const struct {
        speed_t speed;
        uint32_t baud;
    } known[] = {{B1200, 1200},     {B2400, 2400},     {B4800, 4800},    {B9600, 9600},
                 {B19200, 19200},   {B38400, 38400},   {B57600, 57600},  {B115200, 115200},
                 {B230400, 230400}, {B460800, 460800}, {B921600, 921600}};
    struct termios now;
    if (tcgetattr(terminal, &now) != 0)
        return 0;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (cfgetospeed(&now) == known[i].speed)
            return known[i].baud;
    }
    return 0;
}

uint64_t wire_bit_ps(const struct wire *w, uint64_t device_bit_ps)
{
    uint32_t baud = w->terminal ? terminal_baud(w->in) : w->baud;
    return baud == 0 ? device_bit_ps : UINT64_C(1000000000000) / baud;
}

void wire_send(struct wire *w, uint8_t byte)
{
    while (w->out >= 0 && write(w->out, &byte, 1) < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (w->ended != NULL && *w->ended)
            return;
    }
}

/* Whether the host has sent something. Whoever started this program may vanish meanwhile: then nobody waits. */
static bool ready(struct wire *w, bool block)
{
    struct pollfd waiting[2] = {{w->in, POLLIN, 0}, {w->owned ? STDIN_FILENO : -1, 0, 0}};
    if (poll(waiting, 2, block ? -1 : 0) <= 0)
        return false;
    if (waiting[1].revents & (POLLHUP | POLLERR))
        (void)raise(SIGTERM);
    return (waiting[0].revents & POLLIN) != 0;
}

void wire_await(struct wire *w)
{
    while (!ready(w, true) && (w->ended == NULL || !*w->ended))
        continue;
}

int wire_receive(struct wire *w, bool block)
{
    uint8_t byte;
    if (w->in < 0 || !ready(w, block && w->terminal))
        return -1;
    return read(w->in, &byte, 1) == 1 ? byte : -1;
}

static bool level(uint8_t byte, uint64_t bit)
{
    return bit == 0 ? false : bit > 8u || (byte >> (bit - 1u) & 1u);
}

uint8_t wire_sample(uint8_t byte, uint64_t sender_bit_ps, uint64_t receiver_bit_ps, bool *stop_bit)
{
    uint8_t seen = 0;
    for (uint64_t bit = 1; bit <= 9u; bit++) {
        uint64_t at = receiver_bit_ps * (2u * bit + 1u) / 2u; /* in the middle of the bit */
        bool high = level(byte, at / sender_bit_ps);
        if (bit == 9u)
            *stop_bit = high;
        else if (high)
            seen |= (uint8_t)(1u << (bit - 1u));
    }
    return seen;
}
