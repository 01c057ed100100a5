/* What the assembly of multiply-accumulate layers shares: registers of the multiplier (SLAU367, MPY32), places in the
 * parameters of kernels.h, places in the frame on the stack, and who lives in which register.
 *
 * r4 weights, r5 tap, r6 counter, r8 window, r9 outputs left in the segment, r10 output, r11 bias, r12 parameters,
 * r13 multiplier, r15 scratch; r7 and r14 are the encoding's. A window is the element that a filter's taps count from.
 */
#ifndef WALK_H
#define WALK_H

/* clang-format off */

#define MPY       0x04C0
#define MPYS      0x04C2
#define MACS      0x04C6
#define OP2       0x04C8
#define RESLO     0x04CA
#define RESHI     0x04CC
#define MPYS32L   0x04D4
#define MPYS32H   0x04D6
#define RES0      0x04E4
#define RES1      0x04E6
#define RES2      0x04E8
#define MPY32CTL0 0x04EC

/* mac_t and those that begin with it; tests/target/test_walk_layout.py holds them against the compiler. */
#define P_INPUT            0
#define P_ORIGIN           4
#define P_PITCH            8
#define P_WIDTH            10
#define P_CHANNELS         12
#define P_ROW_STEP         14
#define P_COLUMN_STEP      16
#define P_GROUP_STEP       18
#define P_GROUP_SIZE       20
#define P_BIAS             22
#define P_MULTIPLIER       26
#define P_PER_CHANNEL      30
#define P_SHIFT            32
#define P_BIAS_BYTES       34
#define P_BIAS_SHIFT       36
#define P_LOW              38
#define P_HIGH             40
#define P_POOL_ROWS        42
#define P_POOL_COLUMNS     44
#define P_POOL_ROW_STEP    46
#define P_POOL_COLUMN_STEP 48
#define P_WEIGHTS          50

/* mac_dense_t and mac_bitmap_t */
#define P_TAP_ROWS        54
#define P_TAP_COLUMNS     56
#define P_RUN_LENGTH      58
#define P_TAP_ROW_STEP    60
#define P_TAP_COLUMN_STEP 62
#define P_MASK            64
#define P_BITMAP_COUNTS   68
#define P_BITMAP_BYTES    72
#define P_POSITIONS       74
#define P_BITMAP_STARTS   76

/* mac_csr_t */
#define P_OFFSETS     54
#define P_ROWS        58
#define P_COUNT_BYTES 62
#define P_STARTS      64

#define STARTS_APART_BITS 5
#define STARTS_APART      (1 << STARTS_APART_BITS) /* filters: MAC_STARTS_APART of kernels.h */

/* The frame. Code addresses are 16-bit: the linker script keeps code below 64 KB. */
#define F_FINISH        0  /* where the sum of an output goes: first, so that @r1 reaches it */
#define F_START         2  /* where an output begins */
#define F_END           4  /* where a segment ends */
#define F_WIDE          6  /* bias_shift - 16 where it is more */
#define F_SEGMENT       8  /* outputs of one pixel, group and restart unit */
#define F_UNIT_LEFT     10
#define F_ITEMS_LEFT    12
#define F_CHANNELS_LEFT 14
#define F_GROUP_LEFT    16
#define F_COLUMNS_LEFT  18
#define F_PER_UNIT      20
#define F_GROUP         22 /* outputs that share a window */
#define F_CHANNEL       24 /* of the first output */
#define F_BIAS_KIND     26 /* place in a table of starts: none, byte, word, byte wide, word wide */
#define F_WEIGHTS       28 /* registers as they are at a pixel's first output */
#define F_R7            32
#define F_BIAS          36
#define F_MULTIPLIER    40
#define F_R14           44
#define F_PIXEL         48 /* windows of the pixel and of its row's first pixel */
#define F_ROW           52
#define F_COLUMN_BYTES  56
#define F_ROW_BYTES     60
#define F_SKIP          64 /* from the end of an output row to the next */
#define F_GROUP_BYTES   68
#define F_OUTPUT_STEP   72 /* by which r8 moves from an output to the next */
#define F_RUNS          76
#define F_BLOCKS        78
#define F_GAP           80
#define F_STEP          84
#define F_TAP_COLUMNS   88
#define F_COUNT         90
#define F_POOL_FINISH   92
#define F_POOL_START    94
#define F_POOL_ROWS     96
#define F_POOL_COLUMNS  98
#define F_BEST_LOW      100
#define F_BEST_HIGH     102
#define F_SAVED_R4      104
#define F_SAVED_R7      108
#define F_SAVED_R11     112
#define F_SAVED_R14     116
#define F_POOL_NEXT     120
#define F_POOL_ROW      124
#define F_POOL_BACK     128
#define F_SAVED_R9      132
#define F_ROWS_LEFT     134
#define F_SCALE         136 /* 2^bias_shift up to 2^14 */
#define F_CHANNEL_START 138
#define F_EXTRA         140 /* bytes of stack above the frame */
#define FRAME           144

#ifdef __ASSEMBLER__

    .macro  ENTER setup
    pushm.a #7, r10
    suba    #FRAME, r1
    mova    #0, r11
    mova    r11, F_EXTRA(r1)
    mova    #\setup, r11
    bra     #walk_enter
    .endm

/* Where an output begins: its sum starts from the bias. "more" is what the encoding does first. */
    .macro  STARTS name, body
.L\name\()_starts:
    .word   .L\name\()_none, .L\name\()_byte, .L\name\()_word, .L\name\()_wide_byte, .L\name\()_wide_word
.L\name\()_wide_word:
    mov.w   @r11+, r15
    jmp     .L\name\()_wide
.L\name\()_wide_byte:
    mov.b   @r11+, r15
    sxt     r15
.L\name\()_wide:
    clr.w   r6
    mov.w   F_WIDE(r1), r5
    tst.w   r5
    jge     2f
    rra.w   r15             ; 15 bits: half of 16
    rrc.w   r6
    jmp     3f
1:  rla.w   r15
    dec.w   r5
2:  jnz     1b
3:  mov.w   r6, &RESLO
    mov.w   r15, &RESHI
    jmp     \body
.L\name\()_none:
    mov.w   #0, &MPYS
    mov.w   #0, &OP2
    jmp     \body
.L\name\()_word:
    mov.w   @r11+, &MPYS
    mov.w   F_SCALE(r1), &OP2
    jmp     \body
.L\name\()_byte:
    mov.b   @r11+, &MPYS    ; a byte is sign-extended within the multiplier (SLAU367, 5.2.3)
    mov.w   F_SCALE(r1), &OP2
    .endm

/* Sets F_START from a table of starts; uses r15. */
    .macro  CHOOSE_START name
    mov.w   F_BIAS_KIND(r1), r15
    mov.w   .L\name\()_starts(r15), F_START(r1)
    .endm

/* How many entries the filters before the first one have, in r5, and r14 past their counts; uses r6, r9 and r15. */
    .macro  COUNT_BEFORE starts, count_bytes
    mova    \starts(r12), r5
    mov.w   F_CHANNEL(r1), r6
    mov.w   \count_bytes(r12), r15
    calla   #walk_entries_before
    .endm

/* r4 and r7 past the weights and offsets of so many entries. */
    .macro  PASS_ENTRIES entries, kind, size
    adda    \entries, r4
    .ifc    \size, w
    adda    \entries, r4
    .endif
    adda    \entries, r7
    .ifc    \kind, index16
    adda    \entries, r7
    .endif
    .endm

#endif
#endif
