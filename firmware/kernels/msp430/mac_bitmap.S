; Layers with a bit mask over the taps: the body of mac_bitmap.c. Where the stack has room, and enough pixels follow, a step
; begins by writing down the position of every weight, and goes on as mac_csr.S does with 16-bit positions.
;
; Otherwise bit by bit: r6 holds the bits of the mask's byte that are not yet
; used, zeros above them, r9 how many they are (the segment's count waits in F_SAVED_R9); r7 the mask, r14 taps of a run.

#include "walk.h"

; All masks to positions in bytes; back to r4. r5 position, r6 bits, r7 mask, r9 bits left, r14 target, r15 taps.
    .section .text.setup_bitmap, "ax", @progbits
    .global walk_positions_of
    .type   walk_positions_of, @function
walk_positions_of:
    mova    P_MASK(r12), r7
    mova    r1, r14
    adda    #FRAME, r14
    mov.w   P_CHANNELS(r12), F_COUNT(r1)
1:  clr.w   r9
    mov.w   P_TAP_ROWS(r12), F_RUNS(r1)
    mov.w   #0, F_BLOCKS(r1)            ; of a row's first run, then of the run
2:  mov.w   P_TAP_COLUMNS(r12), F_TAP_COLUMNS(r1)
    mov.w   F_BLOCKS(r1), F_ROWS_LEFT(r1)
3:  mov.w   F_ROWS_LEFT(r1), r5
    mov.w   P_RUN_LENGTH(r12), r15
4:  tst.w   r9
    jnz     5f
    mov.b   @r7+, r6
    mov.w   #8, r9
5:  rra.w   r6
    jnc     6f
    mov.w   r5, 0(r14)
    incdx.a r14
6:  incd.w  r5
    dec.w   r9
    dec.w   r15
    jnz     4b
    mov.w   P_TAP_COLUMN_STEP(r12), r15
    rla.w   r15
    add.w   r15, F_ROWS_LEFT(r1)
    dec.w   F_TAP_COLUMNS(r1)
    jnz     3b
    mov.w   P_TAP_ROW_STEP(r12), r15
    rla.w   r15
    add.w   r15, F_BLOCKS(r1)
    dec.w   F_RUNS(r1)
    jnz     2b
    dec.w   F_COUNT(r1)
    jnz     1b
    bra     r4
    .size   walk_positions_of, .-walk_positions_of

    .macro  BITMAP function, name, size, positions
    .section .text.\function, "ax", @progbits
    .global \function
    .type   \function, @function
\function:
    pushm.a #7, r10
    mov.w   P_POSITIONS(r12), r11
    suba    r11, r1
    suba    #FRAME, r1
    mova    r11, F_EXTRA(r1)
    mova    #.L\name\()_setup, r11
    bra     #walk_enter

.L\name\()_setup:
    mova    F_EXTRA(r1), r5
    cmpa    #0, r5
    jeq     .L\name\()_by_bits
    mova    #.L\name\()_written, r4
    bra     #walk_positions_of
.L\name\()_written:
    mova    P_WEIGHTS(r12), r4
    mova    r1, r7
    adda    #FRAME, r7
    mova    P_BITMAP_COUNTS(r12), r14
    mova    r4, F_WEIGHTS(r1)
    mova    r7, F_R7(r1)
    mova    r14, F_R14(r1)
    mov.w   F_BIAS_KIND(r1), r15
    cmp.w   #1, P_BITMAP_BYTES(r12)
    jeq     1f
    mov.w   \positions\()_starts_many(r15), F_START(r1)
    jmp     2f
1:  mov.w   \positions\()_starts_few(r15), F_START(r1)
2:  COUNT_BEFORE P_BITMAP_STARTS, P_BITMAP_BYTES
    PASS_ENTRIES r5, index16, \size
    br      #walk_go

.L\name\()_by_bits:
    mova    P_WEIGHTS(r12), r4
    mova    P_MASK(r12), r7
    mova    r4, F_WEIGHTS(r1)
    mova    r7, F_R7(r1)
    mov.w   P_RUN_LENGTH(r12), r14
    mova    r14, F_R14(r1)
    mov.w   P_TAP_ROWS(r12), F_RUNS(r1)
    mov.w   P_TAP_COLUMNS(r12), r9
    mov.w   r9, F_TAP_COLUMNS(r1)
    mov.w   P_RUN_LENGTH(r12), r6       ; steps of the taps as in mac_dense.S
    adda    r6, r6
    mov.w   P_TAP_COLUMN_STEP(r12), r5
    adda    r5, r5
    mova    r5, r15
    suba    r6, r15
    mova    r15, F_STEP(r1)
    mov.w   P_TAP_ROW_STEP(r12), r6
    adda    r6, r6
1:  suba    r5, r6
    dec.w   r9
    jnz     1b
    mova    r6, F_GAP(r1)
    CHOOSE_START \name
    mov.w   P_TAP_ROWS(r12), &MPY       ; past the filters before the first one: their masks ...
    mov.w   P_TAP_COLUMNS(r12), &OP2
    mov.w   &RESLO, &MPY
    mov.w   P_RUN_LENGTH(r12), &OP2
    mov.w   &RESLO, r5                  ; taps, of which eight are a byte
    adda    #7, r5
    rrum.a  #3, r5
    mov.w   r5, &MPY
    mov.w   F_CHANNEL(r1), &OP2
    mova    &RESLO, r5                  ; and RESHI
    adda    r5, r7
    mova    P_BITMAP_COUNTS(r12), r14   ; ... and their weights
    COUNT_BEFORE P_BITMAP_STARTS, P_BITMAP_BYTES
    adda    r5, r4
    .ifc    \size, w
    adda    r5, r4
    .endif
    mov.w   P_RUN_LENGTH(r12), r14
    br      #walk_go
    STARTS  \name, .L\name\()_body

.L\name\()_body:
    mov.w   r9, F_SAVED_R9(r1)
    mov.w   F_RUNS(r1), F_ROWS_LEFT(r1)
    mova    r8, r5
    clr.w   r9
6:  mov.w   F_TAP_COLUMNS(r1), F_COUNT(r1)
7:  mov.w   r14, r15
    tst.w   r9                          ; first what is left of the byte that the run before began
    jnz     10f
8:  sub.w   #8, r15
    jlo     9f
    mov.b   @r7+, r6
    tst.w   r6
    jz      20f
    .irp    tap, 0, 2, 4, 6, 8, 10, 12, 14
    rra.w   r6
    jnc     19f
    mov.\size @r4+, &MACS
    mov.w   \tap(r5), &OP2
19:
    .endr
20: adda    #16, r5
    jmp     8b
9:  add.w   #8, r15
    jz      12f
    mov.b   @r7+, r6
    mov.w   #8, r9
10: rra.w   r6                          ; tap by tap: the byte, or the run, has fewer than eight
    jnc     11f
    mov.\size @r4+, &MACS
    mov.w   @r5, &OP2
11: incdx.a r5
    dec.w   r9
    jz      13f
    dec.w   r15
    jnz     10b
12: addx.a  F_STEP(r1), r5
    dec.w   F_COUNT(r1)
    jnz     7b
    addx.a  F_GAP(r1), r5
    dec.w   F_ROWS_LEFT(r1)
    jnz     6b
    mov.w   F_SAVED_R9(r1), r9
    mov.w   @r1, pc
13: dec.w   r15
    jnz     8b
    jmp     12b
    .size   \function, .-\function
    .endm

    BITMAP  walk_mac_bitmap, bitmap, b, index16
    BITMAP  walk_mac_bitmap_w16, bitmap_w16, w, index16_w16
