/* The low-energy accelerator of the MSP430FR599x for one vector multiply-accumulate at a time.
 *
 * Addresses and bits: SLASE54D and TI's header msp430fr5994.h, whose names they have; steps: the documentation of
 * DSPLib. The caller keeps operands divisible by 4 and in the accelerator's RAM, and lengths even: it cannot see that
 * an address had lower bits.
 */

#ifndef LEA_H
#define LEA_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint16_t *)(address))
#define LEACNF0L REGISTER(0xA84)
#define LEAPMCTLL REGISTER(0xAC0)
#define LEAPMS1L REGISTER(0xAC8)
#define LEAPMS0L REGISTER(0xACC)
#define LEAPMCBL REGISTER(0xAD0)
#define LEAIEL REGISTER(0xAF4)

enum { LEALPR = 0x0100, LEAILPM = 0x0400, LEACMDEN = 1, LEAPMCMDIE = 0x10, LEACMD_MAC = 0x54, LEAITFLG1 = 2 };

struct lea_parameters {
    uint16_t length, second, output, reserved;
};

#define LEA_ADDRESS(pointer) ((uint16_t)((uintptr_t)(pointer) >> 2))

extern volatile uint16_t lea_done; /* set by the interrupt's routine, which the program has */

static inline void lea_enable(void)
{
    LEACNF0L = LEALPR | LEAILPM;
    LEAPMCTLL = LEACMDEN;
    LEAIEL = LEAPMCMDIE;
}

static inline void lea_begin(struct lea_parameters *block, const int16_t *first, const int16_t *second, uint16_t length)
{
    block->length = length;
    block->second = LEA_ADDRESS(second);
    lea_done = 0;
    LEAPMS0L = LEA_ADDRESS(first);
    LEAPMS1L = LEA_ADDRESS(block);
    __asm__ volatile("" ::: "memory");
    LEAPMCBL = LEACMD_MAC | LEAITFLG1;
}

/* Asleep in LPM0 until it is done; it may be already. */
static inline void lea_wait(void)
{
    __asm__ volatile("dint\n\tnop" ::: "memory");
    while (lea_done == 0)
        __asm__ volatile("bis.w #0x18, SR\n\tnop\n\tdint\n\tnop" ::: "memory");
    __asm__ volatile("nop\n\teint\n\tnop" ::: "memory");
}

#endif
