/* Registers and bits that the firmware uses (SLAU367). board.h has the addresses that differ from board to board. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

#include "board.h"

#define WORD_AT(address) (*(volatile uint16_t *)(address))
#define BYTE_AT(address) (*(volatile uint8_t *)(address))

#define PMMCTL0 WORD_AT(0x0120)
#define PM5CTL0 WORD_AT(0x0130)
#define FRCTL0 WORD_AT(0x0140)
#define CSCTL0 WORD_AT(0x0160)
#define CSCTL0_KEY BYTE_AT(0x0161)
#define CSCTL1 WORD_AT(0x0162)
#define CSCTL2 WORD_AT(0x0164)
#define CSCTL3 WORD_AT(0x0166)
#define SYSRSTIV WORD_AT(0x019E)

#define PASSWORD 0xA500U /* of PMM, FRCTL and CS */
#define PMMSWBOR 0x0004U
#define LOCKLPM5 0x0001U

#define UCACTLW0 WORD_AT(BOARD_UART + 0x00)
#define UCABRW WORD_AT(BOARD_UART + 0x06)
#define UCAMCTLW WORD_AT(BOARD_UART + 0x08)
#define UCASTATW WORD_AT(BOARD_UART + 0x0A)
#define UCARXBUF WORD_AT(BOARD_UART + 0x0C)
#define UCATXBUF WORD_AT(BOARD_UART + 0x0E)
#define UCAIE WORD_AT(BOARD_UART + 0x1A)
#define UCAIFG WORD_AT(BOARD_UART + 0x1C)
#define UCSWRST 0x0001U
#define UCSSEL_SMCLK 0x0080U
#define UCBUSY 0x0001U
#define UCRXIFG 0x0001U
#define UCTXIFG 0x0002U

#define TACTL WORD_AT(BOARD_TIMER + 0x00)
#define TACCTL1 WORD_AT(BOARD_TIMER + 0x04)
#define TAR WORD_AT(BOARD_TIMER + 0x10)
#define TACCR1 WORD_AT(BOARD_TIMER + 0x14)
#define TASSEL_SMCLK 0x0200U
#define MC_CONTINUOUS 0x0020U
#define TACLR 0x0004U
#define TAIE 0x0002U
#define TAIFG 0x0001U
#define CCIE 0x0010U
#define CCIFG 0x0001U

#define SR_GIE 0x0008
#define SR_LPM0 0x0010 /* CPUOFF */

/* Interrupts off: the instruction after DINT may still be interrupted, so that is a NOP. */
#define INTERRUPTS_OFF() __asm__ volatile("dint { nop" ::: "memory")
#define INTERRUPTS_ON() __asm__ volatile("nop { eint { nop" ::: "memory")
/* Sleeps with interrupts on; one that comes in between wakes it at once. */
#define SLEEP() __asm__ volatile("nop { bis.w %0, r2 { nop" ::"i"(SR_GIE | SR_LPM0) : "memory")

#endif
