; Averages over windows: avg_pool.c. The multiplier adds up cells: its first operand stays, a cell is the second one.
; Where the first operand can be 1/divisor itself without overflow of 32 bits, the sum is the average; otherwise it is
; 1, and finish.S scales the sum. r4 window, r7 cells of its rows (or where up to BLOCK of them are entered), r8 from
; the end of such a row to the next, r12 parameters as finish.S wants them, r13 multiplier, r14 from a cell to the next.

#include "stretch.h"

#define LOW             32
#define BASE            (P_LOW - LOW) /* r12 is that much below the parameters */
#define INPUT           BASE + 0
#define OUTPUT          4
#define INPUT_PITCH     BASE + 14
#define ROWS            BASE + 16
#define COLUMNS         BASE + 20
#define COLUMN_CLASSES  BASE + 24
#define MULTIPLIER      BASE + 26
#define SHIFT           BASE + 30

#define BLOCK      8 /* cells in a row */
#define SPAN_BYTES 6 /* of span_t: start, length, divisor class */

#define S_ROW_SPAN    S_OWN     /* of the line */
#define S_COLUMN_SPAN S_OWN + 4 /* of the next cell */
#define S_ROWS        S_OWN + 8 /* cells of the window, downward */

    WALK    walk_avg_pool
    mova    r12, r10
    adda    #OUTPUT, r10
    suba    #BASE, r12
    mova    #.Lplaced, r11
    bra     #cells_enter
.Lplaced:
    mov.w   #.Lwindow, S_NEXT(r1)
    mov.w   #.Lsegment_end, F_END(r1)
    mov.w   #SPAN_BYTES, &MPY
    mov.w   r4, &OP2
    mova    ROWS(r12), r5
    mov.w   &RESLO, r4
    adda    r4, r5
    mova    r5, S_ROW_SPAN(r1)
    mov.w   r6, &OP2
    mova    COLUMNS(r12), r5
    mov.w   &RESLO, r4
    adda    r4, r5
    mova    r5, S_COLUMN_SPAN(r1)
    mov.w   S_RUN(r1), r14
    adda    r14, r14
    mov.w   SHIFT(r12), r15
    rrum.w  #2, r15
    mov.w   finishes-2(r15), F_FINISH(r1)
    br      #stretch_go

.Lnext:
    dec.w   S_RUNS(r1)
    jnz     .Lwindow
    mov.w   S_LINE(r1), S_RUNS(r1)
    addx.a  S_SKIP_OUT(r1), r10
    addx.a  #SPAN_BYTES, S_ROW_SPAN(r1)
    mova    COLUMNS(r12), r5
    mova    r5, S_COLUMN_SPAN(r1)
.Lwindow:
    mov.w   #.Lnext, S_NEXT(r1)
    mova    S_ROW_SPAN(r1), r5
    mova    S_COLUMN_SPAN(r1), r6
    mov.w   @r5+, &MPY
    mov.w   INPUT_PITCH(r12), r8
    mov.w   r8, &OP2
    mov.w   @r5+, S_ROWS(r1)
    mov.w   S_CHANNEL(r1), r15
    mov.w   S_RUN(r1), r9
    add.w   &RESLO, r15
    mov.w   @r6+, &MPY
    mov.w   r9, &OP2
    mov.w   @r6+, r7
    mova    INPUT(r12), r4
    add.w   &RESLO, r15
    adda    r15, r4
    adda    r15, r4
    mov.w   r7, &MPY
    mov.w   r9, &OP2
    sub.w   S_CHANNEL(r1), r9
    clr.w   S_CHANNEL(r1)
    sub.w   &RESLO, r8
    adda    r8, r8
    mov.w   @r5, &MPY                   ; 1/divisor of both classes
    mov.w   COLUMN_CLASSES(r12), &OP2
    mova    MULTIPLIER(r12), r13
    mov.w   &RESLO, r15
    add.w   @r6+, r15
    mova    r6, S_COLUMN_SPAN(r1)
    adda    r15, r13
    adda    r15, r13
    clr.w   r6                          ; places in .Lbodies
    cmp.w   #16, SHIFT(r12)
    jne     1f
    mov.w   r7, &MPY                    ; cells * multiplier * 2^15 + 2^15 within 32 bits?
    mov.w   S_ROWS(r1), &OP2
    mov.w   &RESLO, &MPY
    mov.w   @r13, &OP2
    mov.w   &RESLO, r5
    sub.w   #1, r5
    mov.w   &RESHI, r5
    subc.w  #0, r5
    jnz     1f                          ; above 65,536
    mov.w   #4, r6
1:  cmp.w   #BLOCK + 1, r7
    jhs     2f
    incd.w  r6
    rla.w   r7
    mov.w   r7, r15
    rla.w   r7
    add.w   r15, r7                     ; 6 bytes of code a cell
    mov.w   .Lblock_ends-2(r6), r15
    sub.w   r7, r15
    mov.w   r15, r7
2:  mov.w   .Lbodies(r6), F_START(r1)
    br      #stretch_take
.Lbodies:
    .word   .Lsum_long, .Lsum, .Lmean_long, .Lmean
.Lblock_ends:
    .word   .Lsum_block_end, 0, .Lmean_block_end

; Adds up the window at r4, which moves on by a channel.
    .macro  WINDOW name, is_long
    mova    r4, r5
    incdx.a r4
    mov.w   S_ROWS(r1), r6
    .if     \is_long
1:  mov.w   r7, r15
2:  mov.w   @r5, &OP2
    adda    r14, r5
    dec.w   r15
    jnz     2b
    .else
1:  mov.w   r7, pc
    .rept   BLOCK
    mov.w   @r5, &OP2
    adda    r14, r5
    .endr
.L\name\()_block_end:
    .endif
    adda    r8, r5
    dec.w   r6
    jnz     1b
    .endm

    .macro  SUM name, is_long=0
.L\name:
    mov.w   #0, &RESLO
    mov.w   #0, &RESHI
    mov.w   #1, &MACS
    WINDOW  \name, \is_long
    mov.w   @r1, pc                     ; finish.S
    .endm

    .macro  MEAN name, is_long=0
.L\name:
    mov.w   @r13, &MACS
.L\name\()_element:
    mov.w   #0x8000, &RESLO             ; so that the upper word is rounded
    mov.w   #0, &RESHI
    WINDOW  \name, \is_long
    mov.w   &RESHI, r15
    cmp.w   P_LOW(r12), r15
    jge     3f
    mov.w   P_LOW(r12), r15
3:  cmp.w   P_HIGH(r12), r15
    jl      4f
    mov.w   P_HIGH(r12), r15
4:  STORE
    jnz     .L\name\()_element
    br      #stretch_end
    .endm

    SUM     sum_long, is_long=1
    SUM     sum
    MEAN    mean_long, is_long=1
    MEAN    mean
.Lsegment_end:
    br      #stretch_end
