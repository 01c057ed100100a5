; From the sum of an output to its element: requantize (numeric.h), clamp, store; then the next output of the segment.
; One entry a shift, whether each channel has a multiplier of its own, and whether "high" is more than saturation. The
; product of the 32-bit sum and the 16-bit multiplier has 48 bits in RES2:RES1:RES0, which the multiplier needs 3, 5 and
; 6 cycles for.

#include "walk.h"

    .section .text.walk, "ax", @progbits
    .global finishes
    .type   finishes, @function         ; the table and what it points to

finishes:
    .irp    name, one, each, one_open, each_open
    .word   .L\name\()_8, .L\name\()_16, .L\name\()_24, .L\name\()_32, .L\name\()_40
    .endr

; The output pointer moves on while the product is not ready.
    .macro  PRODUCT multiplier
    mov.w   &RESLO, &MPYS32L
    mov.w   &RESHI, &MPYS32H
    mov.w   \multiplier, &OP2
    .endm

    .macro  FINISH name, multiplier, clamp
; (product + 2^15) >> 16
.L\name\()_16:
    PRODUCT \multiplier
    mov.w   &RES0, r5
    incdx.a r10
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
    jz      \clamp
    jmp     .Lsaturate

; (product + 2^31) >> 32, which is within 15 bits
.L\name\()_32:
    PRODUCT \multiplier
    incdx.a r10
    mov.w   &RES1, r5
    rla.w   r5
    mov.w   &RES2, r15
    adc.w   r15
    jmp     \clamp

; (product + 2^23) >> 24
.L\name\()_24:
    PRODUCT \multiplier
    incdx.a r10
    mov.w   &RES1, r15
    mov.w   &RES2, r6
    add.w   #0x80, r15
    adc.w   r6
    mov.b   r6, r5
    sxt     r5
    cmp.w   r6, r5
    jne     .Lsaturate
    swpb    r15
    mov.b   r15, r15
    mov.b   r6, r6
    swpb    r6
    bis.w   r6, r15
    jmp     \clamp

; (product + 2^39) >> 40
.L\name\()_40:
    PRODUCT \multiplier
    incdx.a r10
    nop
    mov.w   &RES2, r15
    add.w   #0x80, r15
    swpb    r15
    sxt     r15
    jmp     \clamp

; (product + 2^7) >> 8
.L\name\()_8:
    PRODUCT \multiplier
    mov.w   &RES0, r5
    incdx.a r10
    add.w   #0x80, r5
    mov.w   &RES1, r15
    mov.w   &RES2, r6
    adc.w   r15
    adc.w   r6
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
    swpb    r5
    mov.b   r5, r5
    mov.b   r15, r15
    swpb    r15
    bis.w   r5, r15
    jmp     \clamp
1:  incd.w  r1
    jmp     .Lsaturate
    .endm

    FINISH  each, @r13+, .Lclamp
    FINISH  one, @r13, .Lclamp

.Lsaturate:
    tst.w   r6
    jn      2f
    mov.w   P_HIGH(r12), r15
    jmp     .Lstore
2:  mov.w   P_LOW(r12), r15
    jmp     .Lstore
.Lclamp:
    cmp.w   P_HIGH(r12), r15
    jl      .Lopen
    mov.w   P_HIGH(r12), r15
    jmp     .Lstore
.Lopen:
    cmp.w   P_LOW(r12), r15
    jl      2b
.Lstore:
    mov.w   r15, -2(r10)
    dec.w   r9
    jz      3f
    mov.w   F_START(r1), pc
3:  mov.w   F_END(r1), pc

    FINISH  each_open, @r13+, .Lopen
    FINISH  one_open, @r13, .Lopen
    .size   finishes, .-finishes
