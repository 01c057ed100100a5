; uint16_t multiplier_takes_bytes(void): whether bytes written to a signed operand are sign-extended, and whether MACS
; adds to what MPYS left (SLAU367, 5.2.3): -128 * -32768 + 127 * -3.

#include "walk.h"

    .section .text.multiplier_takes_bytes, "ax", @progbits
    .global multiplier_takes_bytes
    .type   multiplier_takes_bytes, @function
multiplier_takes_bytes:
    mov.w   #0, &MPY32CTL0
    mov.b   #0x80, &MPYS
    mov.w   #0x8000, &OP2
    mov.b   #127, &MACS
    mov.w   #-3, &OP2
    clr.w   r12
    cmp.w   #0xFE83, &RESLO
    jne     1f
    cmp.w   #0x003F, &RESHI
    jne     1f
    inc.w   r12
1:  reta
    .size   multiplier_takes_bytes, .-multiplier_takes_bytes
