; Layers with all weights stored as words, by the low-energy accelerator: the sums of mac_dense.c. A pixel's inputs,
; those of all windows of its pool, go into the accelerator's RAM once, by DMA. Each filter's weights follow, unless the
; row is one of the first that stay there for the step. A command is no longer than the sum it gives is exact for, which
; the planner proves; half of the result is the sum.
;
; The next output's first command runs while the processor scales the last one's sum; nobody touches the accelerator's
; RAM meanwhile, and none runs at a commit. A failure loses that RAM, and the step begins by filling it again; the
; planner makes each unit a step, so that no unit counts on what another left there.
;
; r4 next row that is not resident, r7 next resident row, r14 whether this output's first command was started.

#include "walk.h"
#include "mac_lea.h"

    .section .text.walk_mac_dense_lea, "ax", @progbits
    .global walk_mac_dense_lea
    .type   walk_mac_dense_lea, @function
    .type   lea_move, @function

; r6 words from r5 to r15, which ends behind them. Changes r5, r6.
lea_move:
    cmp.w   #DMA_WORDS + 1, r6
    jhs     1f
    mova    r5, &DMA0SA
    mov.w   r15, &DMA0DA
    mov.w   r6, &DMA0SZ
    mov.w   #DMA_MOVE, &DMA0CTL
    add.w   r6, r15
    add.w   r6, r15
    reta
1:  mova    r5, &DMA0SA
    mov.w   r15, &DMA0DA
    mov.w   #DMA_WORDS, &DMA0SZ
    mov.w   #DMA_MOVE, &DMA0CTL
    adda    #2 * DMA_WORDS, r5
    add.w   #2 * DMA_WORDS, r15
    sub.w   #DMA_WORDS, r6
    jmp     lea_move
    .size   lea_move, .-lea_move

; The next row's first command.
    .macro  LAUNCH many
    cmp.w   L_LIMIT(r1), r7
    jhs     7f
    mov.w   r7, r15
    add.w   L_PITCH(r1), r7
    jmp     8f
7:  mova    r4, r5
    addx.a  L_ROW_BYTES(r1), r4
    mov.w   L_BUFFER(r1), r15
    mov.w   L_TAPS(r1), r6
    calla   #lea_move
    mov.w   L_BUFFER(r1), r15
8:  rrum.w  #2, r15
    mov.w   r15, &LEA_SECOND
    .ifc    \many, yes
    mov.w   r15, L_ROW(r1)
    mov.w   L_LENGTH(r1), &LEA_LENGTH
    .endif
    mov.w   #LEA_INPUT_4, &LEAPMS0
    START_COMMAND
    .endm

; Before an output: its command runs, or everything is made ready and it is started.
    .macro  BEGIN many
    tst.w   r14
    jnz     2f
    mov.w   #1f, L_RETURN(r1)
    br      #.Lgather
1:  LAUNCH  \many
2:
    .endm

; The sum r6:r15 to the bias. Is it the segment's last output, the next has its command started first.
    .macro  END many
    add.w   r15, &RESLO
    addc.w  r6, &RESHI
    clr.w   r14
    cmp.w   #1, r9
    jeq     3f
    inc.w   r14
    LAUNCH  \many
3:  mov.w   @r1, pc
    .endm

walk_mac_dense_lea:
    ENTER   .Llea_setup

.Llea_setup:
    mov.w   #0, &LEACNF0
    mov.w   #LEACMDEN, &LEAPMCTL
    mov.w   #0, &LEAIE
    mov.w   #LEA_FLAGS, &LEAIFG
    mov.b   #0, &DMACTL0                ; channel 0: by software alone
    mov.w   #LEA_RESULT_4, &LEA_OUTPUT
    mov.w   #1, L_GATHERED(r1)          ; no address of a window
    mov.w   P_TAP_ROWS(r12), &MPY
    mov.w   P_TAP_COLUMNS(r12), &OP2
    mov.w   &RESLO, &MPY
    mov.w   P_RUN_LENGTH(r12), &OP2
    mov.w   &RESLO, r5
    mov.w   r5, L_TAPS(r1)
    mov.w   r5, r6
    adda    r6, r6
    mova    r6, L_ROW_BYTES(r1)
    inc.w   r5
    bic.w   #1, r5
    mov.w   P_COMMANDS(r12), r6
    mov.w   r6, L_COMMANDS(r1)
    dec.w   r6
    mov.w   r6, &MPY
    mov.w   P_COMMAND_TAPS(r12), &OP2
    mov.w   P_COMMAND_TAPS(r12), L_LENGTH(r1)
    mov.w   r5, r6
    sub.w   &RESLO, r6
    mov.w   r6, L_LAST(r1)
    mov.w   L_LENGTH(r1), &LEA_LENGTH
    rla.w   r5
    mov.w   r5, L_PITCH(r1)

    mov.w   P_POOL_ROWS(r12), &MPY
    mov.w   P_POOL_COLUMNS(r12), &OP2
    mov.w   &RESLO, r6
    mov.w   r6, L_WINDOWS(r1)
    mov.w   r6, &MPY
    mov.w   r5, &OP2
    mov.w   &RESLO, r15
    add.w   #LEA_INPUT, r15
    mov.w   r15, L_BUFFER(r1)
    add.w   r5, r15
    mova    r15, F_R7(r1)               ; resident rows
    mova    P_WEIGHTS(r12), r4
    mov.w   P_RESIDENT_ROWS(r12), r7
    jmp     2f
1:  mova    r4, r5
    mov.w   L_TAPS(r1), r6
    mov.w   r15, r14
    calla   #lea_move
    mov.w   r14, r15
    add.w   L_PITCH(r1), r15
    addx.a  L_ROW_BYTES(r1), r4
    dec.w   r7
2:  tst.w   r7
    jnz     1b
    mov.w   r15, L_LIMIT(r1)
    mova    r4, F_WEIGHTS(r1)

    mov.w   F_CHANNEL(r1), r5           ; where the first output's row is
    mov.w   P_RESIDENT_ROWS(r12), r6
    cmp.w   r6, r5
    jhs     3f
    mov.w   r5, &MPY
    mov.w   L_PITCH(r1), &OP2
    mova    F_R7(r1), r7
    add.w   &RESLO, r7
    jmp     4f
3:  mov.w   r15, r7
    sub.w   r6, r5
    mov.w   r5, &MPY
    mov.w   L_TAPS(r1), &OP2
    mov.w   &RESLO, r5
    mov.w   &RESHI, r6
    rlam.a  #4, r6
    rlam.a  #4, r6
    rlam.a  #4, r6
    rlam.a  #4, r6
    adda    r5, r6
    adda    r6, r4
    adda    r6, r4
4:  mov.w   P_TAP_COLUMN_STEP(r12), r5
    adda    r5, r5
    mova    r5, F_STEP(r1)
    mov.w   P_TAP_ROW_STEP(r12), r6     ; from where a row's last run would have its next to the next row
    adda    r6, r6
    mov.w   P_TAP_COLUMNS(r12), r15
5:  suba    r5, r6
    dec.w   r15
    jnz     5b
    mova    r6, F_GAP(r1)
    mova    #0, r14
    mova    r14, F_R14(r1)
    mova    r14, F_OUTPUT_STEP(r1)
    mov.w   L_WINDOWS(r1), r5
    bis.w   L_COMMANDS(r1), r5
    cmp.w   #1, r5
    jne     6f
    CHOOSE_START lea_one
    br      #walk_segment               ; pooling is not the walk's here
6:  CHOOSE_START lea_many
    br      #walk_segment

; The inputs of a pixel's windows, one window after the other, unless they are there. An odd row has a zero behind it,
; so that whatever lies behind its weights counts for nothing.
.Lgather:
    mov.w   F_PIXEL(r1), r15
    cmp.w   L_GATHERED(r1), r15
    jeq     6f
    mov.w   r15, L_GATHERED(r1)
    mov.w   #LEA_INPUT, r15
    mov.w   P_POOL_ROWS(r12), L_POOL_ROWS(r1)
    mova    r8, L_WINDOW_ROW(r1)
1:  mov.w   P_POOL_COLUMNS(r12), L_POOL_COLUMNS(r1)
    mova    L_WINDOW_ROW(r1), r14
    mova    r14, L_WINDOW(r1)
2:  mov.w   P_TAP_ROWS(r12), L_TAP_ROWS(r1)
3:  mov.w   P_TAP_COLUMNS(r12), L_TAP_COLUMNS(r1)
4:  mova    r14, r5
    mov.w   P_RUN_LENGTH(r12), r6
    calla   #lea_move
    addx.a  F_STEP(r1), r14
    dec.w   L_TAP_COLUMNS(r1)
    jnz     4b
    addx.a  F_GAP(r1), r14
    dec.w   L_TAP_ROWS(r1)
    jnz     3b
    bit.w   #1, L_TAPS(r1)
    jz      5f
    mov.w   #0, 0(r15)
    incd.w  r15
5:  mov.w   P_POOL_COLUMN_STEP(r12), r5
    adda    r5, r5
    mova    L_WINDOW(r1), r14
    adda    r5, r14
    mova    r14, L_WINDOW(r1)
    dec.w   L_POOL_COLUMNS(r1)
    jnz     2b
    mov.w   P_POOL_ROW_STEP(r12), r5
    adda    r5, r5
    addx.a  r5, L_WINDOW_ROW(r1)
    dec.w   L_POOL_ROWS(r1)
    jnz     1b
6:  mov.w   L_RETURN(r1), pc

; One window, one command.
    STARTS  lea_one, .Llea_one_body
.Llea_one_body:
    BEGIN   no
    COLLECT
    END     no

; The largest of the windows' sums, each of several commands.
    STARTS  lea_many, .Llea_many_body
.Llea_many_body:
    BEGIN   yes
    mov.w   #LEA_INPUT_4, L_FIRST(r1)
    mov.w   L_WINDOWS(r1), L_WINDOWS_LEFT(r1)
    mov.w   #0, L_BEST_LOW(r1)
    mov.w   #0x8000, L_BEST_HIGH(r1)
.Lwindow:
    mov.w   L_ROW(r1), L_SECOND(r1)
    mov.w   L_COMMANDS(r1), L_COMMANDS_LEFT(r1)
    mov.w   #0, L_SUM_LOW(r1)
    mov.w   #0, L_SUM_HIGH(r1)
.Lcommand:
    COLLECT
    dec.w   L_COMMANDS_LEFT(r1)
    jz      2f
    mov.w   L_LENGTH(r1), r5
    rrum.w  #1, r5
    add.w   r5, L_FIRST(r1)
    add.w   r5, L_SECOND(r1)
    cmp.w   #1, L_COMMANDS_LEFT(r1)
    jne     1f
    mov.w   L_LAST(r1), &LEA_LENGTH
1:  mov.w   L_SECOND(r1), &LEA_SECOND
    mov.w   L_FIRST(r1), &LEAPMS0
    START_COMMAND
    add.w   r15, L_SUM_LOW(r1)
    addc.w  r6, L_SUM_HIGH(r1)
    jmp     .Lcommand
2:  dec.w   L_WINDOWS_LEFT(r1)
    jz      3f
    mov.w   L_LAST(r1), r5
    rrum.w  #1, r5
    add.w   r5, L_FIRST(r1)
    mov.w   L_LENGTH(r1), &LEA_LENGTH
    mov.w   L_ROW(r1), &LEA_SECOND
    mov.w   L_FIRST(r1), &LEAPMS0
    START_COMMAND
3:  add.w   L_SUM_LOW(r1), r15
    addc.w  L_SUM_HIGH(r1), r6
    mov.w   r15, r5
    sub.w   L_BEST_LOW(r1), r5
    mov.w   r6, r5
    subc.w  L_BEST_HIGH(r1), r5
    jl      4f
    mov.w   r15, L_BEST_LOW(r1)
    mov.w   r6, L_BEST_HIGH(r1)
4:  tst.w   L_WINDOWS_LEFT(r1)
    jnz     .Lwindow
    mov.w   L_BEST_LOW(r1), r15
    mov.w   L_BEST_HIGH(r1), r6
    END     yes
    .size   walk_mac_dense_lea, .-walk_mac_dense_lea
