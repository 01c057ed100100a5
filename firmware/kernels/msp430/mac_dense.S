; Layers with all weights stored: the body of mac_dense.c. r7 is where a run enters the block of products, or what the
; 3 x 3 walk needs; r14 is by how much the window moves from an output to the next (depthwise: one channel).

#include "walk.h"

#define BLOCK 16 /* products in a row */

; Weights are bytes (b) or words (w).
    .macro  PRODUCTS name, size
.L\name\()_block:
    .rept   BLOCK
    mov.\size @r4+, &MACS
    mov.w   @r5+, &OP2
    .endr
.L\name\()_block_end:
    .endm

    .macro  DENSE function, name, size
    .section .text.\function, "ax", @progbits
    .global \function
    .type   \function, @function
\function:
    ENTER   .L\name\()_setup

.L\name\()_setup:
    mov.w   P_TAP_ROWS(r12), &MPY
    mov.w   P_TAP_COLUMNS(r12), &OP2
    mov.w   &RESLO, &MPY
    mov.w   P_RUN_LENGTH(r12), &OP2
    mov.w   &RESLO, &MPY
    mov.w   F_CHANNEL(r1), &OP2
    mova    P_WEIGHTS(r12), r4
    mova    r4, F_WEIGHTS(r1)
    mov.w   &RESLO, r5
    mov.w   &RESHI, r6
    rlam.a  #4, r6
    rlam.a  #4, r6
    rlam.a  #4, r6
    rlam.a  #4, r6
    adda    r5, r6
    adda    r6, r4
    .ifc    \size, w
    adda    r6, r4
    .endif
    mova    #0, r14
    cmp.w   #1, P_GROUP_SIZE(r12)
    jne     1f
    mova    F_GROUP_BYTES(r1), r14      ; an output has a window of its own: the pixel is one segment
    mov.w   P_CHANNELS(r12), F_GROUP(r1)
    mov.w   F_CHANNELS_LEFT(r1), F_GROUP_LEFT(r1)
1:  mova    r14, F_R14(r1)
    mova    r14, F_OUTPUT_STEP(r1)
    mov.w   P_TAP_ROWS(r12), F_RUNS(r1)
    mov.w   P_TAP_COLUMNS(r12), r9
    mov.w   r9, F_TAP_COLUMNS(r1)
    mov.w   P_RUN_LENGTH(r12), r6
    cmp.w   #1, r9
    jne     2f
    cmp.w   #BLOCK + 1, r6
    jlo     .L\name\()_set_short
2:  cmp.w   #1, r6
    jne     .L\name\()_set_long
    cmp.w   #3, r9
    jne     .L\name\()_set_long
    cmp.w   #3, P_TAP_ROWS(r12)
    jne     .L\name\()_set_long

; 3 x 3 taps apart: r7 from a row's last tap to the next row, F_STEP from tap to tap.
    mov.w   P_TAP_COLUMN_STEP(r12), r5
    adda    r5, r5
    mova    r5, F_STEP(r1)
    mov.w   P_TAP_ROW_STEP(r12), r7
    adda    r7, r7
    suba    r5, r7
    suba    r5, r7
    mova    r7, F_R7(r1)
    CHOOSE_START \name\()_nine
    br      #walk_go
    STARTS  \name\()_nine, .L\name\()_nine_body
.L\name\()_nine_body:
    mova    F_STEP(r1), r15
    mova    r8, r5
    .macro  ROW_OF_3 last
    mov.\size @r4+, &MACS
    mov.w   @r5, &OP2
    adda    r15, r5
    mov.\size @r4+, &MACS
    mov.w   @r5, &OP2
    adda    r15, r5
    mov.\size @r4+, &MACS
    mov.w   @r5, &OP2
    .ifc    \last, no
    adda    r7, r5
    .endif
    .endm
    ROW_OF_3 no
    ROW_OF_3 no
    ROW_OF_3 yes
    .purgem ROW_OF_3
    adda    r14, r8
    mov.w   @r1, pc

; Rows of at most BLOCK taps: one pass of the block each.
.L\name\()_set_short:
    rlam.w  #3, r6                      ; 8 bytes of code a product
    mov.w   #.L\name\()_block_end, r7
    sub.w   r6, r7
    mova    r7, F_R7(r1)
    mov.w   P_TAP_ROW_STEP(r12), r5
    sub.w   P_RUN_LENGTH(r12), r5       ; one row may have no step
    cmp.w   #1, F_RUNS(r1)
    jne     3f
    clr.w   r5
3:  adda    r5, r5
    mova    r5, F_GAP(r1)
    CHOOSE_START \name\()_short
    br      #walk_go
    STARTS  \name\()_short, .L\name\()_short_body
.L\name\()_short_body:
    mova    r8, r5
    mov.w   F_RUNS(r1), r6
    mova    F_GAP(r1), r15
4:  mov.w   r7, pc
    PRODUCTS \name, \size
    adda    r15, r5
    dec.w   r6
    jnz     4b
    adda    r14, r8
    mov.w   @r1, pc

; Rows and columns of runs of any length: F_BLOCKS passes of the block each, of which the first may be shorter.
.L\name\()_set_long:
    mov.w   r6, r5
    add.w   #BLOCK - 1, r5
    rrum.w  #4, r5
    mov.w   r5, F_BLOCKS(r1)
    dec.w   r6
    and.w   #BLOCK - 1, r6
    inc.w   r6
    rlam.w  #3, r6
    mov.w   #.L\name\()_long_block_end, r7
    sub.w   r6, r7
    mova    r7, F_R7(r1)
    mov.w   P_RUN_LENGTH(r12), r6
    adda    r6, r6
    mov.w   P_TAP_COLUMN_STEP(r12), r5
    adda    r5, r5
    mova    r5, r15                     ; from a run's end to the next in its row
    suba    r6, r15
    mova    r15, F_STEP(r1)
    mov.w   P_TAP_ROW_STEP(r12), r6     ; from where a row's last run would have its next to the next row
    adda    r6, r6
5:  suba    r5, r6
    dec.w   r9
    jnz     5b
    mova    r6, F_GAP(r1)
    cmp.w   #1, F_TAP_COLUMNS(r1)
    jeq     8f
    CHOOSE_START \name\()_long
    br      #walk_go
8:  addx.a  F_STEP(r1), r6              ; one run a row: from its end to the next
    mova    r6, F_GAP(r1)
    add.w   #.L\name\()_row_block_end, r7
    sub.w   #.L\name\()_long_block_end, r7
    mova    r7, F_R7(r1)
    CHOOSE_START \name\()_row
    br      #walk_go
    STARTS  \name\()_row, .L\name\()_row_body
.L\name\()_row_body:
    mova    r8, r5
    mov.w   F_RUNS(r1), r6
9:  mov.w   F_BLOCKS(r1), r15
    mov.w   r7, pc
    PRODUCTS \name\()_row, \size
    dec.w   r15
    jnz     .L\name\()_row_block
    addx.a  F_GAP(r1), r5
    dec.w   r6
    jnz     9b
    adda    r14, r8
    mov.w   @r1, pc
    STARTS  \name\()_long, .L\name\()_long_body
.L\name\()_long_body:
    mova    r8, r5
    mov.w   F_RUNS(r1), r6
6:  mov.w   F_TAP_COLUMNS(r1), F_COUNT(r1)
7:  mov.w   F_BLOCKS(r1), r15
    mov.w   r7, pc
    PRODUCTS \name\()_long, \size
    dec.w   r15
    jnz     .L\name\()_long_block
    addx.a  F_STEP(r1), r5
    dec.w   F_COUNT(r1)
    jnz     7b
    addx.a  F_GAP(r1), r5
    dec.w   r6
    jnz     6b
    adda    r14, r8
    mov.w   @r1, pc
    .size   \function, .-\function
    .endm

    DENSE   walk_mac_dense, dense, b
    DENSE   walk_mac_dense16, dense16, w
