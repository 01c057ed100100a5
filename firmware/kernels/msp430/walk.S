; How multiply-accumulate layers walk their outputs, in storage order, whatever the encoding of their weights: where
; the walk begins, pixels, groups, restart units and their commits, and pooling. An encoding's own part is a setup,
; which ends with a branch to walk_go, and a body that adds a filter's products to the multiplier's result, ending
; with a branch to the address at @r1. See walk.h for registers and frame.
;
; void walk_...(const void *params, uint16_t first, uint16_t last, uint16_t per_unit): items first <= i < last, of
; which each per_unit (the last ones may be fewer) are followed by a commit: the cursor goes up by one, in one write.
; Only kernels use the multiplier: an interrupt handler may not.

#include "walk.h"

; Where a step begins is a section of its own: it need not run from RAM.
    .section .text.setup, "ax", @progbits
    .global walk_enter, walk_go, walk_segment_end, walk_segment, walk_divide
    .type   walk_enter, @function
    .type   walk_divide, @function
    .type   walk_go, @function
    .type   walk_segment_end, @function

; r4 / r5 -> r4, remainder r6. Uses r7.
walk_divide:
    clr.w   r6
    cmp.w   r5, r4
    jhs     1f
    mov.w   r4, r6
    clr.w   r4
    reta
1:  mov.w   #16, r7
    cmp.w   #0x100, r4                  ; leading zeros give nothing
    jhs     2f
    swpb    r4
    mov.w   #8, r7
2:  cmp.w   #0x1000, r4
    jhs     3f
    rlam.w  #4, r4
    sub.w   #4, r7
3:  rla.w   r4
    rlc.w   r6
    jc      4f
    cmp.w   r5, r6
    jlo     5f
4:  sub.w   r5, r6
    inc.w   r4
5:  dec.w   r7
    jnz     3b
    reta
    .size   walk_divide, .-walk_divide

; Twice the 16 bits at offset of the parameters, into the frame.
    .macro  BYTES offset, slot
    mov.w   \offset(r12), r7
    adda    r7, r7
    mova    r7, \slot(r1)
    .endm

; r12 parameters, r13 first, r14 last, r15 per_unit, r11 setup.
walk_enter:
    mov.w   #0, &MPY32CTL0
    mov.w   #walk_segment_end, F_END(r1)
    mov.w   r15, F_PER_UNIT(r1)
    mov.w   r15, F_UNIT_LEFT(r1)
    sub.w   r13, r14
    mov.w   r14, F_ITEMS_LEFT(r1)
    mov.w   r13, r4
    mov.w   P_CHANNELS(r12), r5
    calla   #walk_divide
    mov.w   r6, r9                      ; channel
    mov.w   r9, F_CHANNEL(r1)
    sub.w   r9, r5
    mov.w   r5, F_CHANNELS_LEFT(r1)
    mov.w   P_WIDTH(r12), r5
    calla   #walk_divide                     ; r4 row, r6 column
    sub.w   r6, r5
    mov.w   r5, F_COLUMNS_LEFT(r1)

    mov.w   r4, &MPY                    ; the output
    mov.w   P_PITCH(r12), &OP2
    mov.w   &RESLO, r7
    mov.w   r6, &MPY
    mov.w   P_CHANNELS(r12), &OP2
    add.w   &RESLO, r7
    add.w   r9, r7
    mova    P_ORIGIN(r12), r10
    adda    r7, r10
    adda    r7, r10
    mov.w   P_WIDTH(r12), &MPY
    mov.w   P_CHANNELS(r12), &OP2
    mov.w   P_PITCH(r12), r7
    sub.w   &RESLO, r7
    adda    r7, r7
    mova    r7, F_SKIP(r1)

    mov.w   r4, &MPY                    ; the window
    mov.w   P_ROW_STEP(r12), &OP2
    mov.w   &RESLO, r7
    mova    P_INPUT(r12), r8
    adda    r7, r8
    adda    r7, r8
    mova    r8, F_ROW(r1)
    mov.w   r6, &MPY
    mov.w   P_COLUMN_STEP(r12), &OP2
    mov.w   &RESLO, r7
    adda    r7, r8
    adda    r7, r8
    mova    r8, F_PIXEL(r1)
    BYTES   P_ROW_STEP, F_ROW_BYTES
    BYTES   P_COLUMN_STEP, F_COLUMN_BYTES
    BYTES   P_GROUP_STEP, F_GROUP_BYTES
    mov.w   P_GROUP_SIZE(r12), r5
    mov.w   r5, F_GROUP(r1)
    mov.w   r9, r4
    calla   #walk_divide                     ; r4 group, r6 channel in it
    sub.w   r6, r5
    mov.w   r5, F_GROUP_LEFT(r1)
    mov.w   r4, &MPY
    mov.w   P_GROUP_STEP(r12), &OP2
    mov.w   &RESLO, r7
    adda    r7, r8
    adda    r7, r8
    mova    #0, r7
    mova    r7, F_OUTPUT_STEP(r1)

    mova    P_MULTIPLIER(r12), r13      ; multiplier and finish
    mova    r13, F_MULTIPLIER(r1)
    mov.w   P_SHIFT(r12), r7
    rrum.w  #2, r7                      ; 8 -> 2, 16 -> 4 ...
    tst.w   P_PER_CHANNEL(r12)
    jz      1f
    adda    r9, r13
    adda    r9, r13
    add.w   #10, r7
1:  cmp.w   #0x7FFF, P_HIGH(r12)
    jne     2f
    add.w   #20, r7
2:  mov.w   finishes-2(r7), F_FINISH(r1)

    mova    P_BIAS(r12), r14            ; bias and start
    mova    r14, F_BIAS(r1)
    mov.w   P_BIAS_BYTES(r12), r5
    mov.w   r5, r6
    jmp     4f
3:  adda    r9, r14
    dec.w   r6
4:  tst.w   r6
    jnz     3b
    mov.w   P_BIAS_SHIFT(r12), r6
    mov.w   r6, r7
    sub.w   #16, r7
    mov.w   r7, F_WIDE(r1)
    rla.w   r5
    mov.w   #1, r7
    cmp.w   #15, r6
    jlo     6f
    tst.w   r5
    jz      7f
    add.w   #4, r5
    jmp     7f
5:  rla.w   r7
    dec.w   r6
6:  tst.w   r6
    jnz     5b
7:  mov.w   r5, F_BIAS_KIND(r1)
    mov.w   r7, F_SCALE(r1)
    mova    r11, r15
    mova    r14, r11
    bra     r15
    .size   walk_enter, .-walk_enter

; The setup is done: r4, r7, r14, F_WEIGHTS, F_R7, F_R14 and F_START are set.
walk_go:
    mov.w   P_POOL_ROWS(r12), r5
    mov.w   P_POOL_COLUMNS(r12), r6
    mov.w   r5, r15
    bis.w   r6, r15
    cmp.w   #1, r15
    jeq     .Lapart
    mov.w   F_FINISH(r1), F_POOL_FINISH(r1)
    mov.w   F_START(r1), F_POOL_START(r1)
    mov.w   #walk_pool_finish, F_FINISH(r1)
    mov.w   #walk_pool_start, F_START(r1)
    dec.w   r6
    mov.w   r6, &MPY                    ; r15: from a row's first window to its last
    mov.w   P_POOL_COLUMN_STEP(r12), &OP2
    mov.w   &RESLO, r15
    adda    r15, r15
    dec.w   r5
    mov.w   r5, &MPY
    mov.w   P_POOL_ROW_STEP(r12), &OP2
    mov.w   &RESLO, r6
    adda    r6, r6
    adda    r15, r6
    mova    #0, r5
    suba    r6, r5
    mova    r5, F_POOL_BACK(r1)
    mov.w   P_POOL_ROW_STEP(r12), r5
    adda    r5, r5
    suba    r15, r5
    mova    F_OUTPUT_STEP(r1), r6       ; the body has moved r8 by it
    suba    r6, r5
    mova    r5, F_POOL_ROW(r1)
    mov.w   P_POOL_COLUMN_STEP(r12), r5
    adda    r5, r5
    suba    r6, r5
    mova    r5, F_POOL_NEXT(r1)

; Where each output has a window of its own and the body does not move on by itself, the next output's start does; all
; of a pixel is then one segment. The first start is to find r8 one step before.
.Lapart:
    cmp.w   #1, P_GROUP_SIZE(r12)
    jne     1f
    mova    F_OUTPUT_STEP(r1), r5
    cmpa    #0, r5
    jne     1f
    mov.w   P_CHANNELS(r12), F_GROUP(r1)
    mov.w   F_CHANNELS_LEFT(r1), F_GROUP_LEFT(r1)
    mova    F_GROUP_BYTES(r1), r5
    suba    r5, r8
    mova    F_PIXEL(r1), r6
    suba    r5, r6
    mova    r6, F_PIXEL(r1)
    mova    F_ROW(r1), r6
    suba    r5, r6
    mova    r6, F_ROW(r1)
    mov.w   F_START(r1), F_CHANNEL_START(r1)
    mov.w   #walk_channel_start, F_START(r1)
1:  br      #walk_segment
    .size   walk_go, .-walk_go

    .section .text.walk, "ax", @progbits
    .global walk_pool_start, walk_pool_finish
walk_segment_end:
    mov.w   F_SEGMENT(r1), r15
    sub.w   r15, F_ITEMS_LEFT(r1)
    jz      .Llast
    sub.w   r15, F_UNIT_LEFT(r1)
    jnz     1f
    inc.w   &model_progress             ; the commit
    mov.w   F_PER_UNIT(r1), F_UNIT_LEFT(r1)
1:  sub.w   r15, F_CHANNELS_LEFT(r1)
    jz      .Lpixel
    sub.w   r15, F_GROUP_LEFT(r1)
    jnz     walk_segment
    addx.a  F_GROUP_BYTES(r1), r8
    mov.w   F_GROUP(r1), F_GROUP_LEFT(r1)
walk_segment:
    mov.w   F_GROUP_LEFT(r1), r9
    cmp.w   F_UNIT_LEFT(r1), r9
    jlo     2f
    mov.w   F_UNIT_LEFT(r1), r9
2:  cmp.w   F_ITEMS_LEFT(r1), r9
    jlo     3f
    mov.w   F_ITEMS_LEFT(r1), r9
3:  mov.w   r9, F_SEGMENT(r1)
    mov.w   F_START(r1), pc

.Lpixel:
    mova    F_WEIGHTS(r1), r4
    mova    F_R7(r1), r7
    mova    F_BIAS(r1), r11
    mova    F_MULTIPLIER(r1), r13
    mova    F_R14(r1), r14
    mov.w   P_CHANNELS(r12), F_CHANNELS_LEFT(r1)
    mov.w   F_GROUP(r1), F_GROUP_LEFT(r1)
    dec.w   F_COLUMNS_LEFT(r1)
    jz      4f
    mova    F_PIXEL(r1), r8
    addx.a  F_COLUMN_BYTES(r1), r8
    mova    r8, F_PIXEL(r1)
    jmp     walk_segment
4:  mov.w   P_WIDTH(r12), F_COLUMNS_LEFT(r1)
    addx.a  F_SKIP(r1), r10
    mova    F_ROW(r1), r8
    addx.a  F_ROW_BYTES(r1), r8
    mova    r8, F_ROW(r1)
    mova    r8, F_PIXEL(r1)
    jmp     walk_segment

.Llast:
    inc.w   &model_progress
    adda    #FRAME, r1
    popm.a  #7, r10
    reta

walk_channel_start:
    addx.a  F_GROUP_BYTES(r1), r8
    mov.w   F_CHANNEL_START(r1), pc

; The largest of several windows' sums: the same filter again, from where it began.
walk_pool_start:
    mova    r4, F_SAVED_R4(r1)
    mova    r7, F_SAVED_R7(r1)
    mova    r11, F_SAVED_R11(r1)
    mova    r14, F_SAVED_R14(r1)
    mov.w   P_POOL_ROWS(r12), F_POOL_ROWS(r1)
    mov.w   P_POOL_COLUMNS(r12), F_POOL_COLUMNS(r1)
    mov.w   #0, F_BEST_LOW(r1)
    mov.w   #0x8000, F_BEST_HIGH(r1)
    mov.w   F_POOL_START(r1), pc

walk_pool_finish:
    mov.w   &RESLO, r15
    mov.w   &RESHI, r6
    mov.w   r15, r5
    sub.w   F_BEST_LOW(r1), r5
    mov.w   r6, r5
    subc.w  F_BEST_HIGH(r1), r5
    jl      5f
    mov.w   r15, F_BEST_LOW(r1)
    mov.w   r6, F_BEST_HIGH(r1)
5:  dec.w   F_POOL_COLUMNS(r1)
    jz      7f
    addx.a  F_POOL_NEXT(r1), r8
6:  mova    F_SAVED_R4(r1), r4
    mova    F_SAVED_R7(r1), r7
    mova    F_SAVED_R11(r1), r11
    mova    F_SAVED_R14(r1), r14
    mov.w   F_POOL_START(r1), pc
7:  dec.w   F_POOL_ROWS(r1)
    jz      8f
    mov.w   P_POOL_COLUMNS(r12), F_POOL_COLUMNS(r1)
    addx.a  F_POOL_ROW(r1), r8
    jmp     6b
8:  addx.a  F_POOL_BACK(r1), r8
    mov.w   F_BEST_LOW(r1), &RESLO
    mov.w   F_BEST_HIGH(r1), &RESHI
    mov.w   F_POOL_FINISH(r1), pc
    .size   walk_segment_end, .-walk_segment_end
