/* The low-energy accelerator of the FR599x: a second bus master that computes on its own 4 KB of RAM.
 *
 * Documented (TI's header msp430fr5994.h, SLAU853, DSPLib 1.30, SLASE54D): the registers and their bits, the commands'
 * numbers and parameter blocks, that operands lie in that RAM at addresses divisible by 4, that lengths are even, that
 * processor and accelerator run independently unless they access the same RAM, and that it needs MCLK, so active mode
 * or LPM0. Assumed, because nothing public says: everything that is marked so in lea.c and lea_mac.c. Fitted: the
 * timing.
 *
 * Of its commands only MAC is simulated, the one of 16-bit operands whose 32-bit result is documented.
 */

#ifndef LEA_H
#define LEA_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum { LEA_BASE = 0xA80, LEA_SIZE = 0x80 };

/* LEAIFG, LEAIFGSET and LEAIE. */
enum { LEACOVL = 0x01, LEATIMER = 0x02, LEAOOR = 0x04, LEASDI = 0x08, LEAPMCMD = 0x10, LEA_FLAGS = 0x1F };

/* LEACNF0, LEACMCTL, LEAPMCTL. */
enum { LEALPR = 0x0100, LEAILPM = 0x0400, LEACMAE = 0x0001, LEACMDEN = 0x0001 };

/* One vector multiply-accumulate; addresses in bytes. */
struct lea_mac {
    uint32_t parameters, first, second, output;
    unsigned length;
    bool disturbed; /* nobody knows what comes out of it */
};

struct lea {
    bool present;
    unsigned vector;
    uint32_t low, high; /* its RAM: LEAMB, and the first address behind it, LEAMT */
    uint64_t start_cycles;

    uint16_t cnf0, faults, cmctl, pmctl, ifg, ie; /* faults: the upper half of LEACNF1 */
    uint32_t stack, destination, source1, source0, command;
    uint32_t status[4]; /* LEACMDSTAT, LEAS1STAT, LEAS0STAT, LEADSTSTAT */

    bool busy;
    unsigned error;          /* the flag that the command ends with, 0 where it computes something */
    uint64_t left, since_ps; /* MCLK cycles until it ends, counted from then */
    struct lea_mac mac;

    uint64_t worked; /* cycles of all commands that are over */
    uint64_t commands, conflicts, saturations, refusals;
};

/* vector:start:size of the RAM, all hexadecimal. */
bool lea_option(struct machine *m, const char *text);

void lea_reset(struct machine *m);
uint16_t lea_read(struct machine *m, uint32_t offset);
void lea_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

/* A running command is lost, with its result. */
void lea_stop(struct machine *m);

/* Brings a running command up to now, before clocks change or somebody looks. */
void lea_synchronize(struct machine *m);

/* When it ends, and that it has. */
uint64_t lea_due(const struct machine *m);
void lea_event(struct machine *m);

/* The processor goes to sleep; stops the run where nobody knows what the accelerator would do then. */
void lea_asleep(struct machine *m);

/* Processor or DMA access its RAM while a command may be running. */
void lea_accessed(struct machine *m, uint32_t address, bool write);

/* Cycles in which it has worked up to now. */
uint64_t lea_worked(const struct machine *m);

/* For the registers: flags have changed; all but LEACNF0 is as after a reset; LEAPMCB was written. */
void lea_update(struct machine *m);
void lea_clear(struct lea *u);
void lea_command(struct machine *m);

/* Reads the parameters of a MAC from its RAM; the flag of what is wrong with them, or 0. */
unsigned lea_mac_read(struct machine *m);
void lea_mac_compute(struct machine *m);
uint64_t lea_mac_cycles(const struct machine *m);
bool lea_mac_uses(const struct machine *m, uint32_t address);

#endif
