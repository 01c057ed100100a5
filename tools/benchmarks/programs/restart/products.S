; Inner products in the multiplier, as the walks have them, for programs that call them tile by tile.

#define MACS 0x04C6
#define OP2  0x04C8

#define BLOCK 16 /* products in a row */

    .section .text.products, "ax", @progbits
    .global products_dense, products_sparse
    .type   products_dense, @function
    .type   products_sparse, @function

; r12 weights, r13 taps, r14 count
products_dense:
    mov.w   r14, r15
    add.w   #BLOCK - 1, r14
    rrum.w  #4, r14
    dec.w   r15
    and.w   #BLOCK - 1, r15
    inc.w   r15
    rlam.w  #3, r15                     ; 8 bytes of code a product
    mov.w   #.Lblock_end, r11
    sub.w   r15, r11
    mov.w   r11, pc
.Lblock:
    .rept   BLOCK
    mov.b   @r12+, &MACS
    mov.w   @r13+, &OP2
    .endr
.Lblock_end:
    dec.w   r14
    jnz     .Lblock
    reta
    .size   products_dense, .-products_dense

; r12 weights, r13 offsets, r14 window, r15 count
products_sparse:
    dec.w   r15
    mov.w   r15, r11
    rrum.w  #3, r15
    inc.w   r15
    and.w   #7, r11
    rla.w   r11
    mov.w   .Lentries(r11), pc
1:
    .irp    place, 7, 6, 5, 4, 3, 2, 1, 0
.Lentry_\place:
    mov.w   @r13+, r11
    adda    r14, r11
    mov.b   @r12+, &MACS
    mov.w   @r11, &OP2
    .endr
    dec.w   r15
    jnz     1b
    reta
.Lentries:
    .irp    place, 0, 1, 2, 3, 4, 5, 6, 7
    .word   .Lentry_\place
    .endr
    .size   products_sparse, .-products_sparse
