; The redo log and its two-phase commit; see redo.h. REDO_ENTRIES is how long the log can get.

#include "redo_macros.S"

    .section .persistent, "aw", @progbits
    .balign 2
    .global redo_end, redo_current, redo_next
    .type   redo_end, @object
    .size   redo_end, 2
redo_end:                               ; n: behind the last entry
    .word   redo_entries
    .type   redo_next, @object
    .size   redo_next, 2
redo_next:                              ; g: the entry to move next
    .word   redo_entries
    NONVOLATILE redo_current, 2         ; 0 or 4: which context holds
    NONVOLATILE redo_contexts, 8        ; task and whether its log is to be moved, twice
    NONVOLATILE redo_entries, REDO_ENTRIES * ENTRY_BYTES

    .section .text.redo, "ax", @progbits
    .global redo_log, redo_commit, redo_prologue, redo_task
    .type   redo_log, @function
    .type   redo_commit, @function
    .type   redo_prologue, @function
    .type   redo_task, @function

; r12 from, r13 to, r14 words
redo_log:
    mov.w   &redo_end, r15
    mova    r12, 0(r15)
    mova    r13, 4(r15)
    mov.w   r14, 8(r15)
    add.w   #ENTRY_BYTES, r15
    mov.w   r15, &redo_end
    reta
    .size   redo_log, .-redo_log

redo_task:
    mov.w   &redo_current, r13
    mov.w   redo_contexts(r13), r12
    reta
    .size   redo_task, .-redo_task

; r12 task
redo_commit:
    mov.w   &redo_current, r13
    xor.w   #4, r13
    mov.w   r12, redo_contexts(r13)
    mov.w   #1, redo_contexts+2(r13)
    mov.w   r13, &redo_current          ; the commit
    jmp     .Lmove
    .size   redo_commit, .-redo_commit

redo_prologue:
    mov.w   &redo_current, r13
    tst.w   redo_contexts+2(r13)
    jz      .Ldiscard
.Lmove:
    mov.w   &redo_next, r14
    jmp     3f
1:  mova    @r14+, r12
    mova    @r14+, r11
    mov.w   @r14+, r15
    incd.w  r14
2:  mov.w   @r12+, 0(r11)
    incdx.a r11
    dec.w   r15
    jnz     2b
    mov.w   r14, &redo_next
3:  cmp.w   &redo_end, r14
    jlo     1b
    mov.w   #redo_entries, &redo_end    ; before the next line: a restart in between finds nothing to move
    mov.w   #redo_entries, &redo_next
    clr.w   redo_contexts+2(r13)
    reta
.Ldiscard:
    mov.w   #redo_entries, &redo_end
    reta
    .size   redo_prologue, .-redo_prologue
