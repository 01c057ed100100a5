/* What walk_mac_dense_lea needs to drive the low-energy accelerator of the FR599x: its registers (SLAU853, TI's header
 * msp430fr5994.h), those of DMA channel 0 (SLAU367), and the accelerator's RAM, whose start board.ld gives twice: in
 * bytes, and divided by 4 as the accelerator counts.
 */
#ifndef MAC_LEA_H
#define MAC_LEA_H

/* clang-format off */

#define LEACNF0  0x0A84
#define LEAPMCTL 0x0AC0
#define LEAPMS1  0x0AC8
#define LEAPMS0  0x0ACC
#define LEAPMCB  0x0AD0
#define LEAIE    0x0AF4
#define LEAIFG   0x0AF8

#define LEACMDEN  0x0001
#define LEA_FLAGS 0x001F
#define LEA_DONE  0x0010 /* LEAPMCMDIFG */
#define LEA_MAC   0x0056 /* LEACMD__MAC, and a flag at its end */

#define DMACTL0  0x0500
#define DMA0CTL  0x0510
#define DMA0SA   0x0512
#define DMA0DA   0x0516
#define DMA0SZ   0x051A
#define DMA_MOVE 0x1F11 /* words, at once, both addresses go up: started by being written */

/* The processor stands still while words are moved, two cycles each, and a byte on the serial line takes 694 cycles at
 * 8 MHz: interrupts have their turn between blocks.
 */
#define DMA_WORDS 256

/* A MAC's parameter block, its result, then the windows' inputs. */
#define LEA_LENGTH   __lea_ram
#define LEA_SECOND   __lea_ram + 2
#define LEA_OUTPUT   __lea_ram + 4
#define LEA_RESULT   __lea_ram + 8
#define LEA_INPUT    __lea_ram + 16
#define LEA_RESULT_4 __lea_quarter + 2
#define LEA_INPUT_4  __lea_quarter + 4

/* mac_lea_t, behind mac_dense_t */
#define P_COMMANDS      64
#define P_COMMAND_TAPS  66
#define P_RESIDENT_ROWS 68

/* The frame, where other walks keep their pools. */
#define L_TAPS         92
#define L_PITCH        94 /* bytes of a row of weights in the accelerator's RAM */
#define L_BUFFER       96 /* where a row goes that is not resident */
#define L_LIMIT        98 /* behind the last resident row */
#define L_ROW_BYTES    100
#define L_GATHERED     104 /* the pixel whose inputs are there: its window's lower 16 bits */
#define L_COMMANDS     106
#define L_LENGTH       108 /* of each command of a row but the last */
#define L_LAST         110
#define L_WINDOWS      112
#define L_COMMANDS_LEFT 114
#define L_WINDOWS_LEFT 116
#define L_FIRST        118 /* operands of the command that runs, divided by 4 */
#define L_SECOND       120
#define L_SUM_LOW      122
#define L_SUM_HIGH     124
#define L_BEST_LOW     126
#define L_BEST_HIGH    128
#define L_ROW          130 /* the row of weights, divided by 4 */

/* While inputs are gathered, no command runs. */
#define L_WINDOW      118
#define L_WINDOW_ROW  122
#define L_POOL_ROWS   F_RUNS
#define L_POOL_COLUMNS F_BLOCKS
#define L_TAP_ROWS    114
#define L_TAP_COLUMNS F_TAP_COLUMNS
#define L_RETURN      F_COUNT

#ifdef __ASSEMBLER__

/* Flags are polled, not waited for asleep: interrupts of others stay as they are. */
    .macro  START_COMMAND
    mov.w   #__lea_quarter, &LEAPMS1
    mov.w   #LEA_MAC, &LEAPMCB
    .endm

/* r6:r15, half of the result. */
    .macro  COLLECT
    mov.w   #LEA_DONE, r5
9:  bit.w   r5, &LEAIFG
    jz      9b
    mov.w   r5, &LEAIFG
    mov.w   &LEA_RESULT, r15
    mov.w   &LEA_RESULT + 2, r6
    rra.w   r6
    rrc.w   r15
    .endm

#endif

#endif
