; A forced power failure: nothing volatile keeps its value, then a brown-out reset by software.
;
; Registers: SLAU367, PMMCTL0 at 0x0120 (password 0xA5 in the high byte, PMMSWBOR 0x04).

    .text
    .global scramble_and_reset
    .type scramble_and_reset, @function
scramble_and_reset:
    dint
    nop
    mova    #__ram_start, r12
    mova    #__ram_end, r13
    mov.w   #0xACE1, r14
scramble:
    rla.w   r14              ; a shift register with feedback: every word is another
    jnc     store
    xor.w   #0x100B, r14
store:
    mov.w   r14, 0(r12)
    adda    #2, r12
    cmpa    r13, r12
    jlo     scramble
    mov.w   #0xA504, &0x0120
gone:
    jmp     gone
