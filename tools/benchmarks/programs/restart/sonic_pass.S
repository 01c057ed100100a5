; Loop-ordered buffering: a pass reads one plane of sums and writes the other, so that any part of it may run again; its
; loops' variables are in FRAM and only go forward (loop continuation). j = 0 and i = i + 1 are two writes, as published:
; a failure between them repeats a row.

#include "redo_macros.S"

#define MPYS  0x04C2
#define MACS  0x04C6
#define OP2   0x04C8
#define RESLO 0x04CA
#define RESHI 0x04CC

    NONVOLATILE sonic_i, 2
    NONVOLATILE sonic_j, 2

; r12: pass_t of sonic.h
    .macro  PASS name, operation, size, first
    .section .text.\name, "ax", @progbits
    .global \name
    .type   \name, @function
\name:
    pushm.a #7, r10
    mova    0(r12), r4                  ; source
    mova    4(r12), r5                  ; target
    mova    8(r12), r6                  ; factor
    mova    12(r12), r7
    mova    16(r12), r8
    mov.w   20(r12), r10
    mov.w   24(r12), r9
    mova    #4, r11
    mov.w   26(r12), &\operation        ; stays there for the whole pass
1:
    .ifc    \first, no
    mov.w   @r4+, &RESLO
    mov.w   @r4+, &RESHI
    .endif
    mov.\size @r6, &OP2
    adda    r7, r6
    mov.w   &RESLO, 0(r5)
    mov.w   &RESHI, 2(r5)
    adda    r11, r5
    inc.w   &sonic_j                    ; the cell is complete
    dec.w   r9
    jnz     1b
    clr.w   &sonic_j
    inc.w   &sonic_i
    adda    r8, r6
    mov.w   22(r12), r9
    dec.w   r10
    jnz     1b
    popm.a  #7, r10
    reta
    .size   \name, .-\name
    .endm

    PASS    sonic_pass_first, MPYS, w, yes
    PASS    sonic_pass_more, MACS, w, no
    PASS    sonic_pass_first_line, MPYS, b, yes
    PASS    sonic_pass_more_line, MACS, b, no
