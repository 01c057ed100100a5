/* The host's nvm_hook: every write of runtime and kernels, one aligned 16-bit word at a time. */
#ifndef HOOK_H
#define HOOK_H

#include <stdint.h>

/* Spends so many nanoseconds before every FRAM write, so that a kill from outside lands inside an inference. */
void hook_slow_down(uint32_t nanoseconds);

#endif
