/* Where an MSP430 keeps what the runtime asks for. All of it is FRAM: nothing is copied at start-up. */
#ifndef PORT_H
#define PORT_H

#define PERSISTENT __attribute__((section(".persistent")))
#define DIAG __attribute__((section(".persistent")))

#ifdef __MSP430X_LARGE__
/* Feature maps and constant tables lie above 64 KB, reached by 20-bit pointers. */
#define ARENA __attribute__((section(".upper.arena")))
#define WEIGHTS __attribute__((section(".upper.rodata")))
#else
#define ARENA __attribute__((section(".persistent")))
#define WEIGHTS
#endif

#define SCRATCH __attribute__((section(".noinit")))

#endif
