/* What a power failure takes: statics, scratch memory and stack.
 *
 * At a boot .data and .bss hold what the start-up code puts there; scratch and the dead stack hold random words, at a
 * boot and again between any two calls of the runtime, since nothing in them may be relied on there.
 */
#ifndef SRAM_H
#define SRAM_H

#include <stdint.h>

/* For the harness's own variables, which are not the device's and keep their values. */
#define KEEP __attribute__((section("harness")))

/* Seeds sram_random and the noise. */
void sram_seed(uint64_t seed);

/* Takes .data and .bss as they are now for what start-up puts there. */
void sram_init(void);
void sram_boot(void);
void sram_poison(void);

/* A number for the present contents of .data and .bss; equal exactly where they are. */
uint32_t sram_statics(void);

uint64_t sram_random(void);

#endif
