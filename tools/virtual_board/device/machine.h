/* One simulated device: processor, memory and peripherals, and what was counted while it ran. */

#ifndef MACHINE_H
#define MACHINE_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "adc.h"
#include "bootloader.h"
#include "cache.h"
#include "clock.h"
#include "controller.h"
#include "crc16.h"
#include "dma.h"
#include "energy.h"
#include "events.h"
#include "failures.h"
#include "lea.h"
#include "mpu.h"
#include "mpy32.h"
#include "pace.h"
#include "ports.h"
#include "power.h"
#include "reference.h"
#include "supply.h"
#include "timer_a.h"
#include "uart.h"
#include "watchdog.h"
#include "wire.h"

#define SPACE 0x100000u /* bytes a 20-bit address reaches */
#define TOP (SPACE - 1u)
#define NEVER UINT64_MAX

enum { PC, SP, SR, CG };

/* The status register: SLAU367, figure "SR bits". */
enum {
    FLAG_C = 0x001,
    FLAG_Z = 0x002,
    FLAG_N = 0x004,
    SR_GIE = 0x008,
    SR_CPUOFF = 0x010,
    SR_OSCOFF = 0x020,
    SR_SCG0 = 0x040,
    SR_SCG1 = 0x080,
    FLAG_V = 0x100,
    SR_BITS = 0x1FF
};

/* What lies at an address, one byte for each 16-bit word. Guarded is FRAM that the MPU lets nobody read,
 * LEA is RAM while the accelerator works on it.
 */
enum {
    KIND_RAM = 1,
    KIND_FRAM = 2,
    KIND_ROM = 4,
    KIND_IO = 8,
    KIND_GUARDED = 0x10,
    KIND_LEA = 0x20,
    KIND_EXIT = 0x40,
    KIND_CODE = 0x80
};

struct machine;

/* One decoded instruction; words is 0 where nothing was decoded yet. */
struct insn {
    void (*run)(struct machine *m, const struct insn *d);
    void (*once)(struct machine *m, const struct insn *d); /* what a repeated instruction repeats */
    uint32_t sx, dx;                                       /* constant, index or address of source and destination */
    uint8_t words, cycles, size;
    uint8_t smode, sreg, dmode, dreg;
    uint8_t count; /* repetitions - 1, or the register that holds them */
    bool by_register, zero_carry, in_fram;
    uint8_t read_at; /* the cycle in which the source is read from memory */
};

struct range {
    uint32_t start, size;
};

struct counters {
    uint64_t instructions, waits, hits, misses, fram_reads, fram_writes, interrupts, resets, power_failures,
        early_reads, boots;
};

/* Where the power is taken away next; NEVER where it is not. */
struct failing {
    uint64_t at_cycle, at_instruction;
    uint64_t before_write, after_write; /* numbers of FRAM bus writes, from 1 */
    uint64_t at_energy;                 /* femtojoules drawn, 0 where it is not */
    bool by_address;                    /* failures_at_address() knows them */
};

struct machine {
    uint32_t r[16];
    uint64_t cycles;     /* of MCLK, wait states included */
    uint64_t event_at;   /* the cycle from which on something other than the next instruction may be due */
    uint64_t look_cycle; /* the cycle from which on the supply may be used up */
    bool gie_before;     /* whether interrupts were enabled before the last instruction */
    bool circling;       /* the last instruction was a jump to itself */
    const struct insn *now;
    struct cache cache;
    unsigned waits; /* MCLK cycles that a FRAM access without a hit costs */
    uint8_t *kind;  /* SPACE / 2 */
    struct insn *code;
    uint8_t *memory; /* SPACE bytes, the FRAM image's file where there is one */
    struct range ram[8];
    unsigned rams;
    uint64_t pending;
    struct counters count;
    struct failing fail;

    struct adc adc;
    struct bootloader bootloader;
    struct clock clock;
    struct controller controller;
    struct crc16 crc16;
    struct dma dma;
    struct energy energy;
    struct events events;
    struct failures failures;
    struct lea lea;
    struct mpu mpu;
    struct mpy32 mpy32;
    struct pace pace;
    struct ports ports;
    struct power power;
    struct reference reference;
    struct supply supply;
    struct timer_a timers[TIMERS];
    struct uart uart;
    struct wire wire;
    struct watchdog watchdog;

    uint64_t cycle_limit, instruction_limit;
    bool semihosting;
    uint32_t io_hook, io_buffer; /* of TI's C I/O, 0 where the program has none */
    uint64_t poison;
    FILE *output;
    void (*observe)(struct machine *m, uint32_t address); /* after each FRAM bus write; NULL: nobody looks */
    jmp_buf away;
    volatile sig_atomic_t interrupted; /* by a signal */

    const char *stopped; /* the reason; NULL while it runs */
    char message[200];
    int exit_code;
};

/* Leave the instruction that is being executed. */
enum { AWAY_STOP = 1, AWAY_POWER, AWAY_RESET, AWAY_EMPTY };
void stop(struct machine *m, const char *reason, const char *format, ...);
void leave(struct machine *m, int why);

uint64_t random_word(struct machine *m);

#endif
