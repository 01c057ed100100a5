; From the sum of an output to its element: requantize (numeric.h), clamp, store; then the next output of the segment.
; One entry a shift and whether each channel has a multiplier of its own. The product of the 32-bit sum and the 16-bit
; multiplier has 48 bits in RES2:RES1:RES0, which the multiplier needs 3, 5 and 6 cycles for.

#include "walk.h"

    .section .text.walk, "ax", @progbits
    .global finishes
    .type   finishes, @object

finishes:
    .word   .Lone_8, .Lone_16, .Lone_24, .Lone_32, .Lone_40, .Leach_8, .Leach_16, .Leach_24, .Leach_32, .Leach_40

    .macro  PRODUCT multiplier
    mov.w   &RESLO, &MPYS32L
    mov.w   &RESHI, &MPYS32H
    mov.w   \multiplier, &OP2
    .endm

    .macro  FINISH name, multiplier
; (product + 2^15) >> 16
.L\name\()_16:
    PRODUCT \multiplier
    mov.w   &RES0, r5
    rla.w   r5
    mov.w   &RES1, r15
    mov.w   &RES2, r6
    adc.w   r15
    adc.w   r6
    mov.w   r15, r5
    rla.w   r5
    subc.w  r5, r5                      ; -1 for a positive element, 0 for a negative one
    xor.w   r6, r5                      ; ... so -1 where the upper word only repeats the sign
    inc.w   r5
    jz      .Lclamp
    jmp     .Lsaturate

; (product + 2^31) >> 32, which is within 15 bits
.L\name\()_32:
    PRODUCT \multiplier
    nop
    nop
    mov.w   &RES1, r5
    rla.w   r5
    mov.w   &RES2, r15
    adc.w   r15
    jmp     .Lclamp

; (product + 2^23) >> 24
.L\name\()_24:
    PRODUCT \multiplier
    nop
    nop
    mov.w   &RES1, r15
    mov.w   &RES2, r6
    add.w   #0x80, r15
    adc.w   r6
    jmp     .Lbyte_down

; (product + 2^39) >> 40
.L\name\()_40:
    PRODUCT \multiplier
    nop
    nop
    nop
    mov.w   &RES2, r15
    add.w   #0x80, r15
    swpb    r15
    sxt     r15
    jmp     .Lclamp

; (product + 2^7) >> 8
.L\name\()_8:
    PRODUCT \multiplier
    mov.w   &RES0, r5
    add.w   #0x80, r5
    mov.w   &RES1, r15
    mov.w   &RES2, r6
    adc.w   r15
    adc.w   r6
    swpb    r5
    jmp     .Lbyte_up
    .endm

    FINISH  each, @r13+

; r6:r15 >> 8
.Lbyte_down:
    mov.b   r6, r5
    sxt     r5
    cmp.w   r6, r5
    jne     .Lsaturate
    swpb    r15
    mov.b   r15, r15
    mov.b   r6, r6
    swpb    r6
    bis.w   r6, r15
    jmp     .Lclamp

; r6:r15 << 8, and the low byte of r5 below
.Lbyte_up:
    push.w  r5
    mov.b   r15, r5
    sxt     r5
    cmp.w   r15, r5
    jne     1f
    rla.w   r5
    subc.w  r5, r5
    xor.w   r6, r5
    inc.w   r5
    jnz     1f
    pop.w   r5
    mov.b   r5, r5
    mov.b   r15, r15
    swpb    r15
    bis.w   r5, r15
    jmp     .Lclamp
1:  incd.w  r1
    jmp     .Lsaturate

    FINISH  one, @r13

.Lsaturate:
    tst.w   r6
    jn      2f
    mov.w   P_HIGH(r12), r15
    jmp     .Lstore
2:  mov.w   P_LOW(r12), r15
    jmp     .Lstore
.Lclamp:
    cmp.w   P_LOW(r12), r15
    jl      2b
    cmp.w   P_HIGH(r12), r15
    jl      .Lstore
    mov.w   P_HIGH(r12), r15
.Lstore:
    mov.w   r15, 0(r10)
    incdx.a r10
    dec.w   r9
    jz      3f
    mov.w   F_START(r1), pc
3:  mov.w   F_END(r1), pc
