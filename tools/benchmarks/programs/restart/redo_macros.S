; What the assembly of redo logs shares; see redo.h. An entry: from (4 bytes), to (4), words (2), and room for the private
; copy of one word.
#define ENTRY_BYTES 12
#define ENTRY_COPY  10

; Instead of a walk's store of r15 before r10: a private copy and its entry. Uses r5 and r6.
    .macro  LOG_OUTPUT
    mov.w   &redo_end, r5
    mov.w   r15, ENTRY_COPY(r5)
    mova    r5, r6
    adda    #ENTRY_COPY, r6
    mova    r6, 0(r5)
    mova    #-2, r6
    adda    r10, r6
    mova    r6, 4(r5)
    mov.w   #1, 8(r5)
    add.w   #ENTRY_BYTES, r5
    mov.w   r5, &redo_end
    .endm

; Non-volatile variables, zero at first; below 64 KB, so that 16 bits reach them.
    .macro  NONVOLATILE name, bytes
    .section .persistent, "aw", @progbits
    .balign 2
    .global \name
    .type   \name, @object
    .size   \name, \bytes
\name:
    .space  \bytes
    .endm
