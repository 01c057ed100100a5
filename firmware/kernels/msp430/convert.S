; The input's raw bytes or words to elements: convert.c. The gain r13 stays in the multiplier for a stretch. Where the
; largest input proves that nothing overflows, r4 and r5 hold the offset with the rounding half added to it:
;   eight    shift 8
;   sixteen  shift 16, which leaves nothing to saturate
;   whole    shift 8, but gain and offset are multiples of 256 and nothing saturates: r4 is offset / 256
; otherwise (careful) r4 and r5 hold the offset, r7 where the sum is shifted. With a table, r4 is it.

#include "stretch.h"

#define INPUT       0
#define OUTPUT      4
#define PITCH       8
#define KIND        14
#define GAIN        16
#define OFFSET_LOW  18
#define OFFSET_HIGH 20
#define SHIFT       22
#define TABLE       24

    WALK    walk_convert
    mov.w   PITCH(r12), r15             ; the input has no halo: only the output's may keep rows apart
    mov.w   r15, r7
    mova    r12, r10
    adda    #OUTPUT, r10
    mova    #.Lplaced, r11
    bra     #rows_enter
.Lplaced:
    mova    #0, r4
    mova    r4, S_SKIP_IN(r1)
    mova    INPUT(r12), r8
    mov.w   r13, r13
    adda    r13, r8
    mov.w   KIND(r12), r9
    cmp.w   #2, r9
    jne     1f
    adda    r13, r8
1:  mova    TABLE(r12), r4
    cmpa    #0, r4
    jeq     .Laffine
    mov.w   #.Ltables, r15

.Lchosen:                               ; r15 codes for the three kinds r9
    rla.w   r9
    add.w   r9, r15
    mov.w   @r15, F_START(r1)
    br      #stretch_go

.Laffine:
    mov.w   OFFSET_LOW(r12), r4
    mov.w   OFFSET_HIGH(r12), r5
    mov.w   GAIN(r12), r13
    mov.w   r13, r15                    ; what the sum can be at most
    tst.w   r15
    jge     2f
    inv.w   r15
    inc.w   r15
2:  mov.w   r15, &MPY
    rla.w   r9
    mov.w   .Llargest(r9), &OP2
    rra.w   r9
    mov.w   r4, r6
    mov.w   r5, r7
    tst.w   r7
    jge     3f
    inv.w   r6
    inv.w   r7
    inc.w   r6
    adc.w   r7
3:  add.w   &RESLO, r6
    mov.w   &RESHI, r15
    addc.w  r15, r7
    cmp.w   #16, SHIFT(r12)
    jeq     .Lset_sixteen
    cmp.w   #8, SHIFT(r12)
    jne     .Lset_careful

    cmp.w   #2, r9                      ; words as they are
    jne     4f
    cmp.w   #256, r13
    jne     4f
    mov.w   r4, r15
    bis.w   r5, r15
    tst.w   r15
    jnz     4f
    mov.w   #.Las_it_is, F_START(r1)
    br      #stretch_go
4:  add.w   #0x80, r6
    adc.w   r7
    jn      .Lset_careful
    mov.w   r13, r15
    bis.w   r4, r15
    tst.b   r15
    jnz     5f
    cmp.w   #0x80, r7
    jlo     .Lset_whole
5:  mov.w   #.Leights, r15
    add.w   #0x80, r4
    adc.w   r5
    jmp     .Lchosen
.Lset_whole:
    swpb    r13
    sxt     r13
    swpb    r4
    mov.b   r5, r5
    swpb    r5
    bis.w   r5, r4
    mov.w   #.Lwholes, r15
    jmp     .Lchosen
.Lset_sixteen:
    add.w   #0x8000, r6
    adc.w   r7
    jn      .Lset_careful
    mov.w   #.Lsixteens, r15
    add.w   #0x8000, r4
    adc.w   r5
    jmp     .Lchosen
.Lset_careful:
    CHOOSE  .Lshifts, SHIFT(r12)
    mov.w   r15, r7
    mov.w   #.Lcarefuls, r15
    jmp     .Lchosen

.Llargest:
    .word   255, 128, 32768
.Ltables:
    .word   .Lby_byte, .Lby_byte, .Lby_word
.Lwholes:
    .word   .Lwhole_0, .Lwhole_1, .Lwhole_2
.Leights:
    .word   .Leight_0, .Leight_1, .Leight_2
.Lsixteens:
    .word   .Lsixteen_0, .Lsixteen_1, .Lsixteen_2
.Lcarefuls:
    .word   .Lcareful_0, .Lcareful_1, .Lcareful_2
.Lshifts:
    .word   .Lshift_8, .Lshift_16, .Lshift_24, .Lnothing, .Lnothing

.Lby_byte:
    mov.b   @r8+, r15
    rla.w   r15
    adda    r4, r15
    STORE   @r15
    jnz     .Lby_byte
    br      #stretch_end

.Lby_word:
    mov.w   @r8+, r15
    mov.b   r15, r15
    rla.w   r15
    adda    r4, r15
    STORE   @r15
    jnz     .Lby_word
.Lend:
    br      #stretch_end

.Las_it_is:
    STORE   @r8+
    jnz     .Las_it_is
    br      #stretch_end

; An input of a kind, times the gain.
    .macro  SCALE kind
    .ifc    \kind, 2
    mov.w   @r8+, &OP2
    .else
    mov.b   @r8+, r15
    .ifc    \kind, 1
    sxt     r15
    .endif
    mov.w   r15, &OP2
    .endif
    mov.w   &RESLO, r15
    .endm

    .macro  OFFSET
    mov.w   &RESHI, r14
    add.w   r4, r15
    addc.w  r5, r14
    .endm

    .macro  BODIES kind
.Lwhole_\kind:
    mov.w   r13, &MPYS
.Lwhole_element_\kind:
    SCALE   \kind
    add.w   r4, r15
    STORE
    jnz     .Lwhole_element_\kind
    br      #stretch_end

.Leight_\kind:
    mov.w   r13, &MPYS
.Leight_element_\kind:
    SCALE   \kind
    OFFSET
    FIT_8   .Lbeyond_\kind
5:  STORE
    jnz     .Leight_element_\kind
    br      #stretch_end
.Lbeyond_\kind:
    mov.w   #0x7FFF, r15
    tst.w   r14
    jge     5b
    inc.w   r15
    jmp     5b

.Lsixteen_\kind:
    mov.w   r13, &MPYS
.Lsixteen_element_\kind:
    SCALE   \kind
    OFFSET
    STORE   r14
    jnz     .Lsixteen_element_\kind
    br      #stretch_end

.Lcareful_\kind:
    mov.w   r13, &MPYS
    SCALE   \kind
    OFFSET
    mov.w   r7, pc
    .endm

    BODIES  0
    BODIES  1
    BODIES  2

.Lshift_8:
    SHIFT_8 .Lbeyond
    jmp     .Lstore
.Lbeyond:
    cmp.w   #0x8000, r14                ; the half has made the largest sums negative, which are just above the lowest
    jne     2f
    cmp.w   #0x80, r15
    jlo     .Lmost
2:  tst.w   r14
    jge     .Lmost
    mov.w   #0x8000, r15
    jmp     .Lstore
.Lshift_16:
    rla.w   r15
    adc.w   r14
    mov.w   r14, r15
    jl      .Lstore                     ; MOV leaves the flags: below 0
    jn      .Lmost                      ; beyond 32 bits
    jmp     .Lstore
.Lshift_24:
    SHIFT_24
    jmp     .Lstore
.Lnothing:
    clr.w   r15
    jmp     .Lstore
.Lmost:
    mov.w   #0x7FFF, r15
.Lstore:
    STORE
    jz      .Lend
    mov.w   F_START(r1), pc
