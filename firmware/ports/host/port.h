/* Where a host keeps what the board keeps: each kind of memory is a section of the program.
 *
 * PERSISTENT objects survive power failures and are written through nvm.h only: the port maps their pages read-only,
 * so any other store is a fault. When the firmware is written to the board they hold their static initializers; apart
 * from those of model_progress nothing may rely on zeros among them (a cold start finds random words there).
 */
#ifndef PORT_H
#define PORT_H

#define PERSISTENT __attribute__((section("nvm")))

/* Feature maps; a plan may have several arenas. */
#define ARENA(number) PERSISTENT

/* Constant tables (weights, scales, row sizes). */
#define WEIGHTS(piece)

/* Tiles and accumulators in SRAM: not initialized at start-up, and worthless between two calls of the runtime. */
#define SCRATCH __attribute__((section("scratch")))

/* Boot counters and timings. Persistent, outside the crash state; inference may not read it (a read is a fault). */
#define DIAG __attribute__((section("diag")))

#endif
