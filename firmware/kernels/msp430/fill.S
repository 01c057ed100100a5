; The cells around a tensor, or all of it: fill.c. Rows above and below the inside are filled whole, the others at
; both ends. r4 the value; r5 where a block of stores is entered, r6 how often it runs, r12 what it stores first, in
; bytes: for a whole row or its left end. r7, r8 and r13 the same for the right end, r13 from the left end on.

#include "stretch.h"

#define STORED 0
#define PITCH  4
#define TOP    6
#define HEIGHT 8
#define LEFT   10
#define INSIDE 12
#define VALUE  14

#define S_PARAMS S_OWN

    WALK    walk_fill
    mova    r12, S_PARAMS(r1)
    mov.w   r13, &MPY
    mov.w   PITCH(r12), &OP2
    mova    STORED(r12), r10
    mov.w   &RESLO, r5
    adda    r5, r10
    adda    r5, r10
    mov.w   VALUE(r12), r4
    clr.w   S_RUN_LEFT(r1)              ; a run is all rows of a kind, S_NEXT begins the first one
    mov.w   TOP(r12), r5
    cmp.w   r5, r13
    jlo     1f
    sub.w   r5, r13
    mov.w   HEIGHT(r12), r5
    cmp.w   r5, r13
    jlo     2f
    mov.w   #.Lbelow, S_NEXT(r1)
    br      #stretch_go
1:  mov.w   #.Labove, S_NEXT(r1)
    jmp     3f
2:  mov.w   #.Lbeside_some, S_NEXT(r1)
3:  sub.w   r13, r5
    mov.w   r5, S_RUN(r1)
    br      #stretch_go

.Lbeside:
    mova    S_PARAMS(r1), r14
    mov.w   HEIGHT(r14), r15
    mov.w   r15, S_RUN(r1)
    tst.w   r15
    jz      .Lbelow
.Lbeside_some:
    mov.w   #.Lends, F_START(r1)
    mov.w   #.Lbelow, S_NEXT(r1)
    mova    S_PARAMS(r1), r13
    mov.w   LEFT(r13), r15
    calla   #block_passes
    mov.w   r15, r6
    mova    r14, r12
    ENTRY   r5, .Lleft_end
    mov.w   PITCH(r13), r15
    sub.w   LEFT(r13), r15
    sub.w   INSIDE(r13), r15
    calla   #block_passes
    mov.w   r15, r8
    mov.w   INSIDE(r13), r13
    adda    r13, r13
    adda    r14, r13
    ENTRY   r7, .Lright_end
    br      #stretch_run

.Lbelow:
    mov.w   #-1, S_RUN(r1)
.Labove:
    mov.w   #.Lrow, F_START(r1)
    mov.w   #.Lbeside, S_NEXT(r1)
    mova    S_PARAMS(r1), r13
    mov.w   PITCH(r13), r15
    calla   #block_passes
    mov.w   r15, r6
    mova    r14, r12
    ENTRY   r5, .Lwhole_end
    br      #stretch_run

    .macro  STORES name, passes, start
    mov.w   \passes, r15
    mov.w   \start, pc
.L\name:
    adda    #2 * WORDS, r10
    .irp    back, 32, 30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2
    mov.w   r4, -\back(r10)
    .endr
.L\name\()_end:
    dec.w   r15
    jnz     .L\name
    .endm

.Lrow:
    adda    r12, r10
    STORES  whole, r6, r5
    dec.w   r9
    jnz     .Lrow
    br      #stretch_end

.Lends:
    adda    r12, r10
    STORES  left, r6, r5
    adda    r13, r10
    STORES  right, r8, r7
    dec.w   r9
    jnz     .Lends
    br      #stretch_end
