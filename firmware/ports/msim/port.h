/* Memory of GDB's MSP430 simulator, as newlib's linker scripts for -msim lay it out: all of it is RAM.
 *
 * The large model's script has 6,912 bytes of RAM below 64 KB and most of a megabyte above, so feature maps and
 * constant tables go above, as they do on a board. The small model has 60,160 bytes for everything.
 */
#ifndef PORT_H
#define PORT_H

#ifdef __MSP430X_LARGE__
/* The runtime addresses its words with 16 bits, and the script has .persistent above 64 KB. */
#define PERSISTENT __attribute__((section(".data.persistent")))
#define ARENA(number) __attribute__((section(".upper.bss.arena")))
#define WEIGHTS(piece) __attribute__((section(".upper.rodata.weights")))
#else
#define PERSISTENT __attribute__((section(".persistent")))
#define ARENA(number) PERSISTENT
#define WEIGHTS(piece)
#endif

#define DIAG PERSISTENT
#define SCRATCH __attribute__((section(".noinit")))

#endif
