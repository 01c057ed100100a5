; ReLU, clip and leaky ReLU that could not be fused into the operator before: rectify.c. r4 where inputs from 0 on are
; scaled, r5 where the others are, r7 the gain of the former; a gain of 256 >> 8 leaves an element as it is.

#include "stretch.h"

#define INPUT          0
#define INPUT_PITCH    4
#define OUTPUT         6
#define GAIN           16
#define GAIN_NEGATIVE  18
#define SHIFT          20
#define SHIFT_NEGATIVE 22
#define LOW            24
#define HIGH           26

#define S_NEGATIVE S_OWN /* the gain of inputs below 0 */

    WALK    walk_rectify
    mova    INPUT(r12), r8
    mov.w   INPUT_PITCH(r12), r15
    mov.w   r15, r7
    mova    r12, r10
    adda    #OUTPUT, r10
    mova    #.Lplaced, r11
    bra     #rows_enter
.Lplaced:
    mov.w   #.Lelement, F_START(r1)
    CHOOSE  .Lshifts, SHIFT(r12)
    mov.w   r15, r4
    CHOOSE  .Lshifts_negative, SHIFT_NEGATIVE(r12)
    mov.w   r15, r5
    mov.w   GAIN(r12), r7
    mov.w   #.Las_it_is, r6
    cmp.w   #8, SHIFT(r12)
    jne     1f
    cmp.w   #256, r7
    jne     1f
    mov.w   r6, r4
1:  mov.w   GAIN_NEGATIVE(r12), r15
    mov.w   r15, S_NEGATIVE(r1)
    tst.w   r15
    jz      2f
    cmp.w   #8, SHIFT_NEGATIVE(r12)
    jne     3f
    cmp.w   #256, r15
    jne     3f
    mov.w   r6, r5
    jmp     3f
2:  mov.w   #.Lnothing, r5
3:  mov.w   HIGH(r12), r13
    mov.w   LOW(r12), r12
    br      #stretch_go
.Lshifts:
    .word   .Lshift_8, .Lshift_16, .Lshift_24, .Lnothing, .Lnothing
.Lshifts_negative:
    .word   .Lnegative_8, .Lnegative_16, .Lnegative_24, .Lnothing, .Lnothing

    .macro  SCALE gain
    mov.w   \gain, &MPYS
    mov.w   r15, &OP2
    mov.w   &RESLO, r15
    mov.w   &RESHI, r14
    .endm

.Lelement:
    mov.w   @r8+, r15
    tst.w   r15
    jn      1f
    mov.w   r4, pc
1:  mov.w   r5, pc

.Lnothing:
    clr.w   r15
.Las_it_is:
    CLAMP
.Lstore:
    STORE
    jnz     .Lelement
    br      #stretch_end

.Lbeyond:
    mov.w   r13, r15
    tst.w   r14
    jge     .Lstore
    mov.w   r12, r15
    jmp     .Lstore

.Lshift_8:
    SCALE   r7
    SHIFT_8 .Lbeyond
    jmp     .Las_it_is
.Lshift_16:
    SCALE   r7
    SHIFT_16
    jmp     .Las_it_is
.Lshift_24:
    SCALE   r7
    SHIFT_24
    jmp     .Las_it_is
.Lnegative_8:
    SCALE   S_NEGATIVE(r1)
    SHIFT_8 .Lbeyond
    jmp     .Las_it_is
.Lnegative_16:
    SCALE   S_NEGATIVE(r1)
    SHIFT_16
    jmp     .Las_it_is
.Lnegative_24:
    SCALE   S_NEGATIVE(r1)
    SHIFT_24
    jmp     .Las_it_is
