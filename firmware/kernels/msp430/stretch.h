/* What the walks of pooling and element-wise kernels share: places in the frame on the stack, who lives in which
 * register, and the ends of their loops.
 *
 * Items lie in runs (a row's elements, or a cell's channels), runs in lines. The loop of a kernel does one stretch at a
 * time: as many items as one run and one restart unit have in common. Nothing in the multiplier outlives a stretch.
 *
 * r8 input, r9 items left in the stretch, r10 output, r11 items from the end of the stretch to the next commit, r12 and
 * r13 the smallest and the largest element, r14 and r15 scratch, the latter the element to store; r4 to r7 are the
 * kernel's, which has the parameters in r12 until it begins.
 */
#ifndef STRETCH_H
#define STRETCH_H

/* clang-format off */

#include "walk.h"

/* The frame. It begins as that of walk.h does: F_FINISH, F_START (where a stretch begins) and F_END, for finish.S. */
#define S_NEXT     6 /* what a kernel does at the end of a run that is not the last one */
#define S_PER_UNIT 8
#define S_ITEMS    10 /* items behind the restart unit */
#define S_RUN      12 /* items of a run */
#define S_RUN_LEFT 14 /* items between the end of the stretch and that of its run */
#define S_RUNS     16 /* runs left in the line, this one included */
#define S_LINE     18 /* runs of a line */
#define S_CHANNEL  20 /* at which the first run begins, 0 from then on */
#define S_SKIP_IN  22 /* bytes from the end of a run (S_SKIP_OUT of pooling: of a line) to the next */
#define S_SKIP_OUT 26
#define S_OWN      30 /* 44 bytes for the kernel's own */
#define S_FRAME    74

#define WORDS 16 /* words that a pass of copy or fill moves */

/* surface_t */
#define SURFACE_PITCH    4
#define SURFACE_WIDTH    6
#define SURFACE_CHANNELS 8

#ifdef __ASSEMBLER__

/* The beginning of a walk: r12 parameters, r13 first item, and from here on r14 items. */
    .macro  WALK function
    .section .text.\function, "ax", @progbits
    .global \function
    .type   \function, @function
\function:
    pushm.a #7, r10
    suba    #S_FRAME, r1
    mov.w   #0, &MPY32CTL0
    mov.w   r15, S_PER_UNIT(r1)
    sub.w   r13, r14
    mov.w   r14, S_ITEMS(r1)
    .endm

/* All bits of a product that an address can have. */
    .macro  PRODUCT_20 to, spare
    mov.w   &RESLO, \to
    mov.w   &RESHI, \spare
    .rept   4
    rlam.a  #4, \spare
    .endr
    adda    \spare, \to
    .endm

    .macro  CLAMP
    cmp.w   r12, r15
    jge     1f
    mov.w   r12, r15
1:  cmp.w   r13, r15
    jl      2f
    mov.w   r13, r15
2:
    .endm

/* Ends with the flags of the items left. */
    .macro  STORE value=r15
    mov.w   \value, 0(r10)
    incdx.a r10
    dec.w   r9
    .endm

/* requantize (numeric.h) of the accumulator r14:r15 by a multiplier of 1, which is also how a product of two 16-bit
 * operands is requantized: the element in r15, or a jump to "beyond" where 16 bits cannot hold it, with its sign in
 * r14. Adding a half may not overflow. Shifts of 32 and 40 leave nothing. Uses r6.
 */
    .macro  SHIFT_8 beyond
    add.w   #0x80, r15
    adc.w   r14
    FIT_8   \beyond
    .endm

    .macro  FIT_8 beyond                /* the same with the half already there */
    mov.b   r14, r6
    sxt     r6
    cmp.w   r6, r14
    jne     \beyond
    swpb    r15
    mov.b   r15, r15
    mov.b   r14, r14
    swpb    r14
    bis.w   r14, r15
    .endm

    .macro  SHIFT_16
    rla.w   r15
    adc.w   r14
    mov.w   r14, r15
    .endm

    .macro  SHIFT_24                    /* ((high >> 7) + 1) >> 1, which cannot overflow */
    rram.w  #4, r14
    rram.w  #3, r14
    inc.w   r14
    rra.w   r14
    mov.w   r14, r15
    .endm

/* Where a block is entered for its first pass: bytes of data r14 (spoilt) as block_passes has them. */
    .macro  ENTRY to, block_end
    rla.w   r14
    mov.w   #\block_end, \to
    sub.w   r14, \to
    .endm

/* The code for a shift, from a table of five, into r15. */
    .macro  CHOOSE table, shift
    mov.w   \shift, r15
    rrum.w  #2, r15                     /* 8 -> 2, 16 -> 4 ... */
    mov.w   \table-2(r15), r15
    .endm

#endif
#endif
