; Sparse undo-logging: sums are updated in place, and the one being modified is kept until it is complete. 32-bit sums
; make six writes a product of SONIC's four.

#include "redo_macros.S"

#define MPYS  0x04C2
#define OP2   0x04C8
#define RESLO 0x04CA
#define RESHI 0x04CC

    NONVOLATILE sonic_backup, 4
    NONVOLATILE sonic_pos_i, 2          ; which sum and product the backup belongs to
    NONVOLATILE sonic_pos_j, 2

    .section .text.sonic_undo, "ax", @progbits
    .global sonic_undo
    .type   sonic_undo, @function

    .macro  PRODUCT
    mov.w   @r7+, r5
    adda    r8, r5
    mov.b   @r4+, &MPYS
    mov.w   @r5, &OP2
    .endm

; r12: undo_t of sonic.h. r6 is j, r13 i, r9 products left in the row.
sonic_undo:
    pushm.a #7, r10
    mova    0(r12), r4
    mova    4(r12), r7
    mova    8(r12), r8
    mova    12(r12), r11
    mova    16(r12), r10
    mov.w   20(r12), r14
    mov.w   &sonic_i, r13
    mov.w   &sonic_j, r6
    cmp.w   &sonic_pos_i, r13
    jne     .Lrow
    cmp.w   &sonic_pos_j, r6
    jne     .Lrow
    mov.w   &sonic_backup, 0(r10)       ; this product was cut
    mov.w   &sonic_backup+2, 2(r10)
.Lrow:
    mov.w   @r11+, r15
    mov.w   @r11, r9
    sub.w   r15, r9
    jz      .Lempty
    mov.w   r13, &sonic_pos_i
    sub.w   r6, r9
    jz      .Lend
    tst.w   r6
    jnz     .Lmore
    PRODUCT
    clr.w   &sonic_backup
    clr.w   &sonic_backup+2
    clr.w   &sonic_pos_j                ; arms it
    mov.w   &RESLO, 0(r10)
    mov.w   &RESHI, 2(r10)
    inc.w   r6
    mov.w   r6, &sonic_j                ; disarms it
    dec.w   r9
    jz      .Lend
.Lmore:
    PRODUCT
    mov.w   @r10, &sonic_backup
    mov.w   2(r10), &sonic_backup+2
    mov.w   r6, &sonic_pos_j            ; arms it
    add.w   &RESLO, 0(r10)
    addc.w  &RESHI, 2(r10)
    inc.w   r6
    mov.w   r6, &sonic_j                ; disarms it
    dec.w   r9
    jnz     .Lmore
.Lend:
    clr.w   r6
    clr.w   &sonic_j
.Lnext:
    inc.w   r13
    mov.w   r13, &sonic_i
    adda    #4, r10
    dec.w   r14
    jnz     .Lrow
    popm.a  #7, r10
    reta
.Lempty:
    clr.w   &sonic_backup
    clr.w   &sonic_backup+2
    mov.w   r13, &sonic_pos_i
    clr.w   0(r10)
    clr.w   2(r10)
    jmp     .Lnext
    .size   sonic_undo, .-sonic_undo
