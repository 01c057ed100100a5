; The ends of tiles in a walk whose commits and stores go through the redo log. RESTART_TILE outputs a tile.

#include "redo_macros.S"

    NONVOLATILE tiled_item, 2           ; the first output of the tile
    NONVOLATILE tiled_private, 4        ; copies of it and of the cursor

    .section .text.tiled, "ax", @progbits
    .global tiled_commit, tiled_last
    .type   tiled_commit, @function
    .type   tiled_last, @function

; Keeps r11 to r14. A task would read its loops' variables again: that the registers live on is in the method's favour.
tiled_commit:
    pushm.a #4, r14
    mov.w   &tiled_item, r15
    add.w   #RESTART_TILE, r15
    mov.w   r15, &tiled_private
    calla   #log_item
    clr.w   r12
    calla   #redo_commit
    popm.a  #4, r14
    reta
    .size   tiled_commit, .-tiled_commit

; The next inference begins with output 0; the cursor goes on to the next layer.
tiled_last:
    clr.w   &tiled_private
    calla   #log_item
    mov.w   &tiled_cursor, &tiled_private+2
    mova    #tiled_private+2, r12
    mova    #model_progress, r13
    mov.w   #1, r14
    calla   #redo_log
    clr.w   r12
    calla   #redo_commit
    reta
    .size   tiled_last, .-tiled_last

log_item:
    mova    #tiled_private, r12
    mova    #tiled_item, r13
    mov.w   #1, r14
    bra     #redo_log
