; Start-up, word by word and from nothing: the watchdog is held before its 32 ms can end, then variables get their
; values. Persistent memory is not touched. What main leaves behind is sleep.
;
; Registers: SLAU367, WDTCTL at 0x015C (password 0x5A in the high byte, HOLD 0x80).

    .section .start, "ax", @progbits
    .global _start
    .type _start, @function
_start:
    mov.w   #0x5A80, &0x015C
    mova    #__stack, r1

    mova    #__hot_load, r12
    mova    #__hot_start, r13
    mova    #__hot_end, r14
    jmp     hot_next
hot:
    mov.w   @r12+, 0(r13)
    mov.w   @r12+, 2(r13)
    mov.w   @r12+, 4(r13)
    mov.w   @r12+, 6(r13)
    adda    #8, r13
hot_next:
    cmpa    r14, r13
    jlo     hot

    mova    #__data_load, r12
    mova    #__data_start, r13
    mova    #__data_end, r14
copy:
    cmpa    r14, r13
    jhs     cleared_from
    mov.w   @r12+, 0(r13)
    adda    #2, r13
    jmp     copy

cleared_from:
    mova    #__bss_start, r13
    mova    #__bss_end, r14
clear:
    cmpa    r14, r13
    jhs     ready
    clr.w   0(r13)
    adda    #2, r13
    jmp     clear

ready:
    calla   #main
asleep:
    bis.w   #0x00F0, r2      ; LPM4: nothing wakes it but a reset
    jmp     asleep

; gcc asks for pieces of its own start-up by these names; this file is all of it.
    .global __crt0_movedata
    .global __crt0_init_bss
__crt0_movedata = 0
__crt0_init_bss = 0
