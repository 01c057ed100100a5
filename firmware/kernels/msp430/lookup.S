; Smooth functions by a table and linear interpolation: lookup.c as (low * (256 - rest) + high * rest + 128) >> 8, two
; products of 16 bits. r4 table, r7 256.

#include "stretch.h"

#define INPUT       0
#define INPUT_PITCH 4
#define OUTPUT      6
#define TABLE       16

    WALK    walk_lookup
    mova    INPUT(r12), r8
    mov.w   INPUT_PITCH(r12), r15
    mov.w   r15, r7
    mova    r12, r10
    adda    #OUTPUT, r10
    mova    #.Lplaced, r11
    bra     #rows_enter
.Lplaced:
    mova    TABLE(r12), r4
    mov.w   #256, r7
    mov.w   #.Lelement, F_START(r1)
    br      #stretch_go

.Lelement:
    mov.w   @r8+, r15
    mov.b   r15, r6                     ; the rest within a cell of the table
    swpb    r15
    xor.b   #0x80, r15                  ; the cell; a byte instruction clears the upper bits
    rla.w   r15
    adda    r4, r15
    mov.w   @r15+, &MPYS
    mov.w   r7, r5
    sub.w   r6, r5
    mov.w   r5, &OP2
    mov.w   @r15, &MACS
    mov.w   r6, &OP2
    mov.w   #0x80, r14
    add.w   &RESLO, r14
    mov.w   &RESHI, r15
    adc.w   r15
    swpb    r14                         ; the mean of two elements is one
    mov.b   r14, r14
    swpb    r15
    and.w   #0xFF00, r15
    bis.w   r14, r15
    STORE
    jnz     .Lelement
    br      #stretch_end
