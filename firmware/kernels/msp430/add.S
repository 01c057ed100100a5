; The sum of two tensors, both brought to the exponent of the result: add.c. r8 and r7 inputs, r4 and r5 their gains.
; Two products of 16 bits and a half stay within 32 bits.

#include "stretch.h"

#define INPUT_A 0
#define INPUT_B 4
#define PITCH_A 8
#define PITCH_B 10
#define OUTPUT  12
#define GAIN_A  22
#define GAIN_B  24
#define SHIFT   26
#define LOW     28
#define HIGH    30

#define S_SKIP_B S_OWN

    WALK    walk_add
    mova    INPUT_A(r12), r8
    mov.w   PITCH_A(r12), r15
    mov.w   PITCH_B(r12), r7
    mova    r12, r10
    adda    #OUTPUT, r10
    mova    #.Lplaced, r11
    bra     #rows_enter
.Lplaced:
    mov.w   r4, &MPY
    mov.w   PITCH_B(r12), r14
    mov.w   r14, &OP2
    sub.w   r5, r14
    adda    r14, r14
    mova    r14, S_SKIP_B(r1)
    mov.w   &RESLO, r14
    add.w   r6, r14
    mova    INPUT_B(r12), r7
    adda    r14, r7
    adda    r14, r7
    mov.w   #.Lnext, S_NEXT(r1)
    CHOOSE  .Lshifts, SHIFT(r12)
    mov.w   r15, F_START(r1)
    mov.w   GAIN_A(r12), r4
    mov.w   GAIN_B(r12), r5
    mov.w   HIGH(r12), r13
    mov.w   LOW(r12), r12
    br      #stretch_go
.Lshifts:
    .word   .Lshift_8, .Lshift_16, .Lshift_24, .Lnothing, .Lnothing

.Lnext:
    addx.a  S_SKIP_B(r1), r7
    br      #rows_next

    .macro  SUM
    mov.w   @r8+, &MPYS
    mov.w   r4, &OP2
    mov.w   @r7+, &MACS
    mov.w   r5, &OP2
    mov.w   &RESLO, r15
    mov.w   &RESHI, r14
    .endm

    .macro  FINISH start
    CLAMP
    STORE
    jnz     \start
    br      #stretch_end
    .endm

.Lbeyond:
    mov.w   r13, r15
    tst.w   r14
    jge     1f
    mov.w   r12, r15
1:  STORE
    jz      .Lend
.Lshift_8:
    SUM
    SHIFT_8 .Lbeyond
    CLAMP
    STORE
    jnz     .Lshift_8
.Lend:
    br      #stretch_end

.Lshift_16:
    SUM
    SHIFT_16
    FINISH  .Lshift_16

.Lshift_24:
    SUM
    SHIFT_24
    FINISH  .Lshift_24

.Lnothing:
    clr.w   r15
    FINISH  .Lnothing
