; Layers with only non-zero weights stored: the body of mac_csr.c. r7 offsets, r14 counts.

#include "walk.h"

#define BLOCK 8 /* entries in a row */

; r5 the parameters' starts, r6 a filter, r14 the first filter's count, r15 bytes of a count; r5 is then how many entries
; lie before the filter, r14 where its count is. Uses r9. At most STARTS_APART - 1 counts are added up.
    .section .text.setup_sparse, "ax", @progbits
    .global walk_entries_before
    .type   walk_entries_before, @function
walk_entries_before:
    cmpa    #0, r5
    jeq     3f
    mov.w   r6, r9
    and.w   #-STARTS_APART, r9
    jz      2f
    and.w   #STARTS_APART - 1, r6
    adda    r9, r14
    cmp.w   #1, r15
    jeq     1f
    adda    r9, r14
1:  rrum.w  #STARTS_APART_BITS - 1, r9  ; bytes of as many starts
    adda    r9, r5
    mov.w   -2(r5), r5
    jmp     3f
2:  mova    #0, r5
3:  tst.w   r6
    jz      6f
    cmp.w   #1, r15
    jeq     5f
4:  mov.w   @r14+, r15
    adda    r15, r5
    dec.w   r6
    jnz     4b
    reta
5:  mov.b   @r14+, r15
    adda    r15, r5
    dec.w   r6
    jnz     5b
6:  reta
    .size   walk_entries_before, .-walk_entries_before

; One weight: "delta8" steps on by a byte, "index16" counts from the window; both offsets are in bytes.
    .macro  ENTRY kind, size
    .ifc    \kind, delta8
    mov.b   @r7+, r15
    adda    r15, r5
    .else
    mov.w   @r7+, r5
    adda    r8, r5
    .endif
    mov.\size @r4+, &MACS
    mov.w   @r5, &OP2
    .endm

; r6 entries, at least one: the first pass enters the block late.
    .macro  ENTRIES name, kind, size, count
    STARTS  \name, .L\name\()_body
.L\name\()_body:
    mov.\count @r14+, r6
    .ifc    \kind, delta8
    mova    r8, r5
    .endif
    dec.w   r6
    jnc     2f                          ; none
    mov.w   r6, r15
    rrum.w  #3, r6
    inc.w   r6
    and.w   #BLOCK - 1, r15
    rla.w   r15
    mov.w   .L\name\()_entries(r15), pc
1:
    .irp    place, 7, 6, 5, 4, 3, 2, 1, 0
.L\name\()_entry_\place:
    ENTRY   \kind, \size
    .endr
    dec.w   r6
    jnz     1b
2:  mov.w   @r1, pc
.L\name\()_entries:
    .irp    place, 0, 1, 2, 3, 4, 5, 6, 7
    .word   .L\name\()_entry_\place
    .endr
    .endm

    .macro  CSR function, name, kind, size
    .section .text.\function, "ax", @progbits
    .global \function
    .type   \function, @function
\function:
    ENTER   .L\name\()_setup

.L\name\()_setup:
    mova    P_WEIGHTS(r12), r4
    mova    P_OFFSETS(r12), r7
    mova    P_ROWS(r12), r14
    mova    r4, F_WEIGHTS(r1)
    mova    r7, F_R7(r1)
    mova    r14, F_R14(r1)
    cmp.w   #1, P_COUNT_BYTES(r12)
    jeq     1f
    CHOOSE_START \name\()_many
    jmp     2f
1:  CHOOSE_START \name\()_few
2:  COUNT_BEFORE P_STARTS, P_COUNT_BYTES
    PASS_ENTRIES r5, \kind, \size
    br      #walk_go
    ENTRIES \name\()_few, \kind, \size, b
    ENTRIES \name\()_many, \kind, \size, w
    .global \name\()_starts_few, \name\()_starts_many
    .set    \name\()_starts_few, .L\name\()_few_starts
    .set    \name\()_starts_many, .L\name\()_many_starts
    .size   \function, .-\function
    .endm

    CSR     walk_mac_csr_delta8, delta8, delta8, b
    CSR     walk_mac_csr_delta8_w16, delta8_w16, delta8, w
    CSR     walk_mac_csr_index16, index16, index16, b
    CSR     walk_mac_csr_index16_w16, index16_w16, index16, w
