; element_t restart_finish(const mac_t *mac, const uint16_t *multiplier): the walks' way from a sum to its element, as a
; function. The rest is finish.S, whose end is made to return here.

#include "walk.h"

    .section .text.finish_call, "ax", @progbits
    .global restart_finish, restart_finished
    .type   restart_finish, @function

restart_finish:
    pushm.a #2, r6
    mova    r10, r11                    ; the walks' output, which moves on there
    mov.w   P_SHIFT(r12), r15
    rrum.w  #2, r15                     ; 8 -> 2, 16 -> 4 ...
    mov.w   restart_finishes-2(r15), pc
restart_finished:
    mova    r11, r10
    mov.w   r15, r12
    popm.a  #2, r6
    reta
    .size   restart_finish, .-restart_finish
