; Maxima over windows: max_pool.c. Where no window reaches beyond a side, each tap of 2 x 2, 1 x 2 and 2 x 1 windows has
; a pointer of its own (r4 to r7) that walks the channels; any other window is cut to what lies inside and walked tap by
; tap: r4 its first element, r8 from tap to tap. (In every window lies a cell: the converter refuses others.)

#include "stretch.h"

#define INPUT         0
#define OUTPUT        4
#define OUTPUT_CHANNELS 12
#define INPUT_PITCH   14
#define INPUT_HEIGHT  16
#define INPUT_WIDTH   18
#define KERNEL_HEIGHT 20
#define KERNEL_WIDTH  22
#define STRIDE_Y      24
#define STRIDE_X      26
#define PAD_TOP       28
#define PAD_LEFT      30
#define DILATION_Y    32
#define DILATION_X    34
#define LOW           36
#define HIGH          38

#define S_PARAMS S_OWN
#define S_TOP    S_OWN + 4  /* row of the windows' first taps, perhaps above the input */
#define S_ROW    S_OWN + 8  /* the first row inside, at column 0 */
#define S_DOWN   S_OWN + 12 /* bytes from a row of taps to the next */
#define S_BESIDE S_OWN + 16 /* ... and from a tap to the next in its row */
#define S_ROWS   S_OWN + 20 /* taps inside */
#define S_TAPS   S_OWN + 22
#define S_WHOLE  S_OWN + 24 /* 1: no window reaches beyond the left or the right side */

    WALK    walk_max_pool
    mova    r12, S_PARAMS(r1)
    mova    r12, r10
    adda    #OUTPUT, r10
    mova    #.Lplaced, r11
    bra     #cells_enter
.Lplaced:
    mov.w   #.Lfirst, S_NEXT(r1)
    mov.w   r4, &MPY
    mov.w   STRIDE_Y(r12), &OP2
    PRODUCT_20 r4, r5
    mov.w   PAD_TOP(r12), r5
    suba    r5, r4
    mova    r4, S_TOP(r1)
    mov.w   DILATION_Y(r12), &MPY
    mov.w   INPUT_PITCH(r12), &OP2
    mov.w   &RESLO, r5
    adda    r5, r5
    mova    r5, S_DOWN(r1)
    mov.w   DILATION_X(r12), &MPY
    mov.w   OUTPUT_CHANNELS(r12), &OP2
    mov.w   &RESLO, r5
    adda    r5, r5
    mova    r5, S_BESIDE(r1)
    mov.w   OUTPUT_CHANNELS(r12), r4    ; from the end of a window's channels to the window beside it
    mov.w   STRIDE_X(r12), r5
    dec.w   r5
    mov.w   r4, &MPY
    mov.w   r5, &OP2
    mov.w   &RESLO, r5
    adda    r5, r5
    mova    r5, S_SKIP_IN(r1)

    clr.w   S_WHOLE(r1)
    tst.w   PAD_LEFT(r12)
    jnz     1f
    mov.w   S_LINE(r1), r4              ; the last tap of the last window
    dec.w   r4
    mov.w   r4, &MPY
    mov.w   STRIDE_X(r12), &OP2
    PRODUCT_20 r4, r6
    mov.w   KERNEL_WIDTH(r12), r5
    dec.w   r5
    mov.w   r5, &MPY
    mov.w   DILATION_X(r12), &OP2
    PRODUCT_20 r5, r6
    adda    r5, r4
    mov.w   INPUT_WIDTH(r12), r5
    cmpa    r5, r4
    jhs     1f
    inc.w   S_WHOLE(r1)
1:  mov.w   HIGH(r12), r13
    mov.w   LOW(r12), r12
    br      #stretch_go

; The taps of a window along a dimension: r6 of them from r4 on, perhaps below 0, r5 apart; inside are those below r7.
; Leaves the first one inside in r4 and how many there are in r6.
.Linside:
    cmpa    #0, r4
    jge     1f
    adda    r5, r4
    dec.w   r6
    jnz     .Linside
    reta
1:  mova    r4, r15
    mov.w   r6, r9
    clr.w   r6
2:  cmpa    r7, r15
    jge     3f
    adda    r5, r15
    inc.w   r6
    dec.w   r9
    jnz     2b
3:  reta

; The column of the input at which a window begins, and the window: its element at the first channel of the run, of
; which r9 items follow. r14 parameters.
    .macro  COLUMN
    mov.w   S_LINE(r1), r15
    sub.w   S_RUNS(r1), r15
    mov.w   r15, &MPY
    mov.w   STRIDE_X(r14), &OP2
    .endm

    .macro  WINDOW column
    mov.w   \column, &MPY
    mov.w   S_RUN(r1), r9
    mov.w   r9, &OP2
    mova    S_ROW(r1), r4
    mov.w   S_CHANNEL(r1), r15
    clr.w   S_CHANNEL(r1)
    sub.w   r15, r9
    add.w   &RESLO, r15
    adda    r15, r4
    adda    r15, r4
    .endm

.Lline:
    mov.w   S_LINE(r1), S_RUNS(r1)
    addx.a  S_SKIP_OUT(r1), r10
    mova    S_PARAMS(r1), r14
    mov.w   STRIDE_Y(r14), r4
    addx.a  S_TOP(r1), r4
    mova    r4, S_TOP(r1)
.Lfirst:
    mova    S_PARAMS(r1), r14
    mova    S_TOP(r1), r4
    mov.w   DILATION_Y(r14), r5
    mov.w   KERNEL_HEIGHT(r14), r6
    mov.w   INPUT_HEIGHT(r14), r7
    calla   #.Linside
    mov.w   r6, S_ROWS(r1)
    mov.w   r4, &MPY
    mov.w   INPUT_PITCH(r14), &OP2
    mova    INPUT(r14), r4
    mov.w   &RESLO, r5
    adda    r5, r4
    adda    r5, r4
    mova    r4, S_ROW(r1)
    tst.w   S_WHOLE(r1)
    jz      .Lany
    mov.w   KERNEL_WIDTH(r14), r5       ; rows and columns of taps: at most 3 only where one of them is 1
    add.w   r6, r5
    cmp.w   #4, r5
    jeq     .Ltwo_by_two
    cmp.w   #3, r5
    jne     .Lany

    mov.w   #.Ltwo, F_START(r1)
    mova    S_SKIP_IN(r1), r8
    mov.w   #.Ltwo_next, S_NEXT(r1)
    COLUMN
    mov.w   &RESLO, r15
    WINDOW  r15
    mova    S_DOWN(r1), r5
    cmp.w   #1, KERNEL_WIDTH(r14)
    jeq     1f
    mova    S_BESIDE(r1), r5
1:  adda    r4, r5
    br      #stretch_take

.Ltwo_by_two:
    cmp.w   #2, r6
    jne     .Lany                       ; 3 x 1, 1 x 3
    mov.w   #.Lfour, F_START(r1)
    mova    S_SKIP_IN(r1), r8
    mov.w   #.Lfour_next, S_NEXT(r1)
    COLUMN
    mov.w   &RESLO, r15
    WINDOW  r15
    mova    S_BESIDE(r1), r5
    mova    S_DOWN(r1), r6
    mova    r5, r7
    adda    r4, r5
    adda    r4, r6
    adda    r6, r7
    br      #stretch_take

.Lany:
    mov.w   #.Lelement, F_START(r1)
    mov.w   #.Lany_next, S_NEXT(r1)
.Lany_window:
    COLUMN
    PRODUCT_20 r4, r5
    mov.w   PAD_LEFT(r14), r5
    suba    r5, r4
    mov.w   DILATION_X(r14), r5
    mov.w   KERNEL_WIDTH(r14), r6
    mov.w   INPUT_WIDTH(r14), r7
    calla   #.Linside
    mov.w   r6, S_TAPS(r1)
    WINDOW  r4
    mova    S_BESIDE(r1), r8
    br      #stretch_take

.Lany_next:
    dec.w   S_RUNS(r1)
    jz      .Lline
    mova    S_PARAMS(r1), r14
    jmp     .Lany_window

.Lelement:
    mov.w   #0x8000, r15
    mova    r4, r5
    incdx.a r4
    mov.w   S_ROWS(r1), r6
1:  mova    r5, r14
    mov.w   S_TAPS(r1), r7
2:  cmp.w   @r14, r15
    jge     3f
    mov.w   @r14, r15
3:  adda    r8, r14
    dec.w   r7
    jnz     2b
    addx.a  S_DOWN(r1), r5
    dec.w   r6
    jnz     1b
    CLAMP
    STORE
    jnz     .Lelement
    br      #stretch_end

.Lline_within:
    add.w   S_RUN(r1), r11
    jmp     .Lline
.Lunit_ends:
    add.w   S_RUN(r1), r11
    br      #stretch_end

; Elements, the step from a window to the one beside it, which most often needs no commit, and that after one.
    .macro  BY_POINTERS name, others:vararg
    .irp    pointer, r4, \others
    adda    r8, \pointer
    .endr
    br      #stretch_run
.L\name:
    mov.w   @r4+, r15
    .irp    pointer, \others
    cmp.w   @\pointer+, r15
    jge     1f
    mov.w   -2(\pointer), r15
1:
    .endr
    CLAMP
    STORE
    jnz     .L\name
    sub.w   S_RUN(r1), r11
    jlo     .Lunit_ends
    dec.w   S_RUNS(r1)
    jz      .Lline_within
    .irp    pointer, r4, \others
    adda    r8, \pointer
    .endr
    mov.w   S_RUN(r1), r9
    jmp     .L\name
    .endm

.Lfour_next:
    dec.w   S_RUNS(r1)
    jz      .Lline
    BY_POINTERS four, r5, r6, r7

.Ltwo_next:
    dec.w   S_RUNS(r1)
    jz      .Lline
    BY_POINTERS two, r5
