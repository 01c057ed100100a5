; How pooling and element-wise layers walk their items: restart units and their commits, runs and lines, and where the
; walk begins. See stretch.h for registers and frame. A kernel sets S_RUN_LEFT to the items up to the end of the first
; run, or to 0 where S_NEXT is to begin it, and branches to stretch_go.
;
; void walk_...(const void *params, uint16_t first, uint16_t last, uint16_t per_unit), as in walk.S.

#include "stretch.h"

    .section .text.stretch, "ax", @progbits
    .global stretch_go, stretch_end, stretch_run, stretch_take, rows_enter, rows_next, cells_enter, block_passes
    .type   stretch_end, @function
    .type   stretch_go, @function
    .type   stretch_run, @function
    .type   stretch_take, @function
    .type   rows_enter, @function
    .type   rows_next, @function
    .type   cells_enter, @function
    .type   block_passes, @function

stretch_end:
    tst.w   r11
    jnz     2f
    inc.w   &model_progress             ; the commit
    tst.w   S_ITEMS(r1)
    jz      .Lleave
stretch_go:
    mov.w   S_ITEMS(r1), r11
    cmp.w   S_PER_UNIT(r1), r11
    jlo     1f
    mov.w   S_PER_UNIT(r1), r11
1:  sub.w   r11, S_ITEMS(r1)
2:  mov.w   S_RUN_LEFT(r1), r9
    tst.w   r9
    jnz     stretch_take
    mov.w   S_NEXT(r1), pc
stretch_run:
    mov.w   S_RUN(r1), r9
stretch_take:                           ; r9 items of a run
    clr.w   S_RUN_LEFT(r1)
    sub.w   r9, r11
    jlo     3f
    mov.w   F_START(r1), pc
3:  add.w   r9, r11                     ; of which the unit takes some
    sub.w   r11, r9
    mov.w   r9, S_RUN_LEFT(r1)
    mov.w   r11, r9
    clr.w   r11
    mov.w   F_START(r1), pc

.Lleave:
    adda    #S_FRAME, r1
    popm.a  #7, r10
    reta

; Tensors of one shape, element by element: a run is a row, or everything where no halo keeps rows apart.
; r8 input, r15 its pitch and r7 that of another input (or the same), r10 the output's surface, r11 where to go on,
; there with r4 row, r5 elements of a row, r6 element in it.
rows_enter:
    mov.w   SURFACE_WIDTH(r10), &MPY
    mov.w   SURFACE_CHANNELS(r10), &OP2
    mov.w   SURFACE_PITCH(r10), r9
    mova    @r10, r10
    mov.w   &RESLO, r5
    cmp.w   r5, r9
    jne     1f
    cmp.w   r5, r15
    jne     1f
    cmp.w   r5, r7
    jne     1f
    clr.w   r4
    mov.w   r13, r6
    mov.w   r14, S_RUN_LEFT(r1)         ; no run ends before the walk does
    jmp     2f
1:  mov.w   r13, r4
    calla   #walk_divide
    mov.w   r5, S_RUN(r1)
    mov.w   r5, r7
    sub.w   r6, r7
    mov.w   r7, S_RUN_LEFT(r1)
2:  mov.w   r4, &MPY
    mov.w   r15, &OP2
    sub.w   r5, r15
    adda    r15, r15
    mov.w   &RESLO, r7
    mova    r15, S_SKIP_IN(r1)
    mov.w   r9, &OP2
    add.w   r6, r7
    adda    r7, r8
    adda    r7, r8
    mov.w   &RESLO, r7
    add.w   r6, r7
    adda    r7, r10
    adda    r7, r10
    sub.w   r5, r9
    adda    r9, r9
    mova    r9, S_SKIP_OUT(r1)
    mov.w   #rows_next, S_NEXT(r1)
    bra     r11

rows_next:
    addx.a  S_SKIP_IN(r1), r8
    addx.a  S_SKIP_OUT(r1), r10
    br      #stretch_run

; Tensors cell by cell: a run is a cell's channels. r10 the output's surface, r11 where to go on, there with r4 row,
; r6 column, r10 output. The first run is begun by S_NEXT, S_RUNS and S_CHANNEL tell where.
cells_enter:
    mov.w   r13, r4
    mov.w   SURFACE_CHANNELS(r10), r5
    mov.w   r5, S_RUN(r1)
    calla   #walk_divide
    mov.w   r6, S_CHANNEL(r1)
    mov.w   r6, r9
    clr.w   S_RUN_LEFT(r1)
    mov.w   SURFACE_WIDTH(r10), r5
    mov.w   r5, S_LINE(r1)
    calla   #walk_divide
    mov.w   r5, &MPY
    mov.w   S_RUN(r1), &OP2
    sub.w   r6, r5
    mov.w   r5, S_RUNS(r1)
    mov.w   SURFACE_PITCH(r10), r7
    mov.w   r7, r5
    sub.w   &RESLO, r7
    adda    r7, r7
    mova    r7, S_SKIP_OUT(r1)
    mov.w   r4, &MPY
    mov.w   r5, &OP2
    mov.w   &RESLO, r7
    mov.w   r6, &MPY
    mov.w   S_RUN(r1), &OP2
    add.w   r9, r7
    mova    @r10, r10
    add.w   &RESLO, r7
    adda    r7, r10
    adda    r7, r10
    bra     r11

; To move r15 words by a block of WORDS instructions of 4 bytes: r15 passes, of which the first moves r14 bytes. The
; instructions count back from the end of what their pass moves: from before its beginning, which may be at 64 KB, an
; index would wrap around.
block_passes:
    clr.w   r14
    tst.w   r15
    jz      1f
    dec.w   r15
    mov.w   r15, r14
    and.w   #WORDS - 1, r14
    inc.w   r14
    rla.w   r14
    rrum.w  #4, r15
1:  inc.w   r15
    reta
