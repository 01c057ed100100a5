/* Where an MSP430 keeps what the runtime asks for. All of it is FRAM, which start-up neither copies nor clears.
 *
 * board.ld puts each arena where the plan has it, and constant tables into the piece of memory that the plan gave them;
 * what lies above 64 KB is reached by 20-bit pointers. The runtime's own words stay below, where 16 bits reach them.
 */
#ifndef PORT_H
#define PORT_H

#define PERSISTENT __attribute__((section(".persistent")))
#define DIAG __attribute__((section(".diag")))
#define ARENA(number) __attribute__((section(".arena" #number)))
#define WEIGHTS(piece) __attribute__((section(".tables" #piece)))
#define SCRATCH __attribute__((section(".noinit")))

#endif
