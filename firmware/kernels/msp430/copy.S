; A box of elements from one tensor into another: copy.c. A run goes along the last dimension, or along the last two
; where both sides have them behind each other. Elements that lie side by side and keep their exponent are moved by a
; block: r4 where it is entered for a whole run, r6 passes, r5 bytes of the first one, r7 and r12 from the end of a run
; to the next. All others go one by one, r4 and r5 apart; their gain r7 stays in the multiplier for a run.

#include "stretch.h"

#define INPUT    0
#define OUTPUT   4
#define SIZE_0   8
#define SIZE_1   10
#define SIZE_2   12
#define INPUT_0  14
#define INPUT_1  16
#define INPUT_2  18
#define OUTPUT_0 20
#define OUTPUT_1 22
#define OUTPUT_2 24
#define GAIN     26
#define SHIFT    28

#define S_LINE_IN  S_OWN /* from the end of a line to the next, S_SKIP_IN apart */
#define S_LINE_OUT S_OWN + 4

; From the end of "count" steps to the next one of the dimension before, in bytes; r15 and r14 are spoilt. The product
; of count - 1 lies inside a tensor, so 16 bits hold it.
    .macro  SKIP count, step, before, slot
    mov.w   \count, r14
    dec.w   r14
    mov.w   r14, &MPY
    mov.w   \step, r14
    mov.w   r14, &OP2
    mov.w   \before, r15
    suba    r14, r15
    mov.w   &RESLO, r14
    suba    r14, r15
    adda    r15, r15
    mova    r15, \slot(r1)
    .endm

; The pointer moves by k = r9, j = r6, i = r4 steps.
    .macro  PLACE pointer, step_0, step_1, step_2
    mov.w   r9, &MPY
    mov.w   \step_2(r12), &OP2
    mov.w   &RESLO, r15
    mov.w   r6, &MPY
    mov.w   \step_1, &OP2
    add.w   &RESLO, r15
    mov.w   r4, &MPY
    mov.w   \step_0(r12), &OP2
    add.w   &RESLO, r15
    adda    r15, \pointer
    adda    r15, \pointer
    .endm

    WALK    walk_copy
    mov.w   SIZE_1(r12), S_LINE(r1)
    mov.w   INPUT_1(r12), r8
    mov.w   OUTPUT_1(r12), r10
    SKIP    SIZE_1(r12), r8, INPUT_0(r12), S_LINE_IN
    SKIP    SIZE_1(r12), r10, OUTPUT_0(r12), S_LINE_OUT
    mov.w   SIZE_2(r12), r5
    mov.w   r5, &MPY
    mov.w   INPUT_2(r12), &OP2
    cmp.w   &RESLO, r8
    jne     1f
    mov.w   OUTPUT_2(r12), &OP2
    cmp.w   &RESLO, r10
    jne     1f
    mov.w   SIZE_1(r12), &OP2           ; two dimensions are one run, and the line is the first one
    mov.w   SIZE_0(r12), S_LINE(r1)
    mov.w   INPUT_0(r12), r8
    mov.w   OUTPUT_0(r12), r10
    mov.w   &RESLO, r5
1:  mov.w   r5, S_RUN(r1)
    SKIP    r5, INPUT_2(r12), r8, S_SKIP_IN
    SKIP    r5, OUTPUT_2(r12), r10, S_SKIP_OUT
    mov.w   r13, r4
    calla   #walk_divide
    mov.w   r6, r9
    sub.w   r6, r5
    mov.w   r5, S_RUN_LEFT(r1)
    mov.w   S_LINE(r1), r5
    calla   #walk_divide
    sub.w   r6, r5
    mov.w   r5, S_RUNS(r1)
    mov.w   r8, r7
    mova    INPUT(r12), r8
    PLACE   r8, INPUT_0, r7, INPUT_2
    mov.w   r10, r7
    mova    OUTPUT(r12), r10
    PLACE   r10, OUTPUT_0, r7, OUTPUT_2

    mov.w   #.Lnext, S_NEXT(r1)
    CHOOSE  .Lshifts, SHIFT(r12)
    mov.w   INPUT_2(r12), r4
    mov.w   OUTPUT_2(r12), r5
    cmp.w   #256, GAIN(r12)
    jne     2f
    cmp.w   #8, SHIFT(r12)
    jne     2f
    mov.w   #.Lone_by_one, r15
    cmp.w   #1, r4
    jne     2f
    cmp.w   #1, r5
    jne     2f
    mov.w   #.Lsome, F_START(r1)
    mov.w   S_RUN(r1), r15
    calla   #block_passes
    mova    r14, r5
    mov.w   r15, r6
    ENTRY   r4, .Lblock_end
    mova    S_SKIP_IN(r1), r7
    mova    S_SKIP_OUT(r1), r12
    br      #stretch_go
2:  mov.w   r15, F_START(r1)
    mov.w   GAIN(r12), r7
    adda    r4, r4
    adda    r5, r5
    mov.w   #0x8000, r12
    mov.w   #0x7FFF, r13
    br      #stretch_go
.Lshifts:
    .word   .Lshift_8, .Lshift_16, .Lshift_24, .Lnothing, .Lnothing

.Lnext:
    dec.w   S_RUNS(r1)
    jnz     rows_next
    mov.w   S_LINE(r1), S_RUNS(r1)
    addx.a  S_LINE_IN(r1), r8
    addx.a  S_LINE_OUT(r1), r10
    br      #rows_next

.Lsome:                                 ; r9 elements side by side
    mov.w   r9, r15
    calla   #block_passes
    adda    r14, r10
    ENTRY   r13, .Lblock_end
    mov.w   r13, pc
.Lrun:
    adda    r5, r10
    mov.w   r6, r15
    mov.w   r4, pc
.Lblock:
    adda    #2 * WORDS, r10
    .irp    back, 32, 30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2
    mov.w   @r8+, -\back(r10)
    .endr
.Lblock_end:
    dec.w   r15
    jnz     .Lblock
    sub.w   S_RUN(r1), r11              ; another run before the next commit?
    jlo     .Lunit_ends
    dec.w   S_RUNS(r1)
    jnz     3f
    mov.w   S_LINE(r1), S_RUNS(r1)
    addx.a  S_LINE_IN(r1), r8
    addx.a  S_LINE_OUT(r1), r10
3:  adda    r7, r8
    adda    r12, r10
    jmp     .Lrun
.Lunit_ends:
    add.w   S_RUN(r1), r11
    br      #stretch_end

; Moves on by an element; then the next one of the stretch, or of the next run where it needs no commit.
    .macro  ANOTHER start
    adda    r5, r10
    dec.w   r9
    jnz     \start
    jmp     .Lrun_ends
    .endm
.Lrun_ends:
    sub.w   S_RUN(r1), r11
    jlo     .Lunit_ends
    dec.w   S_RUNS(r1)
    jnz     4f
    mov.w   S_LINE(r1), S_RUNS(r1)
    addx.a  S_LINE_IN(r1), r8
    addx.a  S_LINE_OUT(r1), r10
4:  addx.a  S_SKIP_IN(r1), r8
    addx.a  S_SKIP_OUT(r1), r10
    mov.w   S_RUN(r1), r9
    mov.w   F_START(r1), pc

.Lone_by_one:
    mov.w   @r8, 0(r10)
    adda    r4, r8
    ANOTHER .Lone_by_one

    .macro  SCALE
    mov.w   @r8, &OP2
    adda    r4, r8
    mov.w   &RESLO, r15
    mov.w   &RESHI, r14
    .endm

.Lbeyond:
    mov.w   r13, r15
    tst.w   r14
    jge     5f
    mov.w   r12, r15
    jmp     5f
.Lshift_8:
    mov.w   r7, &MPYS
.Lelement_8:
    SCALE
    SHIFT_8 .Lbeyond
5:  mov.w   r15, 0(r10)
    ANOTHER .Lelement_8

.Lshift_16:
    mov.w   r7, &MPYS
.Lelement_16:
    SCALE
    SHIFT_16
    mov.w   r15, 0(r10)
    ANOTHER .Lelement_16

.Lshift_24:
    mov.w   r7, &MPYS
.Lelement_24:
    SCALE
    SHIFT_24
    mov.w   r15, 0(r10)
    ANOTHER .Lelement_24

.Lnothing:
    adda    r4, r8
    mov.w   #0, 0(r10)
    ANOTHER .Lnothing
