/* The only way to write non-volatile memory (FRAM).
 *
 * Power can fail between any two writes; the memory keeps every completed, aligned 16-bit write and nothing else.
 * Two kinds of write:
 *   nvm_put     data that nothing exposes yet. Puts may reach memory in any order among themselves.
 *   nvm_commit  one word that exposes data. Everything written before it is in memory before it, and nothing written
 *               after it is in memory before it, whatever the compiler would like: it is a volatile store between two
 *               compiler barriers. (The MSP430 has no store buffer, so compiler order is memory order.)
 *
 * A port may route both through a hook (host: failure injection); then NVM_HOOK is defined.
 */
#ifndef NVM_H
#define NVM_H

#include <stdint.h>

#ifdef NVM_HOOK

void nvm_hook(volatile uint16_t *word, uint16_t value);

static inline void nvm_put(int16_t *word, int16_t value)
{
    nvm_hook((volatile uint16_t *)word, (uint16_t)value);
}

static inline void nvm_commit(volatile uint16_t *word, uint16_t value)
{
    nvm_hook(word, value);
}

#else

#ifdef __MSP430__
/* The comment reaches the assembly listing, where a test checks that every commit stands between two of them. */
#define NVM_BARRIER() __asm__ volatile("; nvm barrier" ::: "memory")
#else
#define NVM_BARRIER() __asm__ volatile("" ::: "memory")
#endif

static inline void nvm_put(int16_t *word, int16_t value)
{
    *word = value;
}

static inline void nvm_commit(volatile uint16_t *word, uint16_t value)
{
    NVM_BARRIER();
    *word = value;
    NVM_BARRIER();
}

#endif

/* 32-bit values (float32 models) are two words. */
static inline void nvm_put32(int16_t *words, uint32_t value)
{
    nvm_put(words, (int16_t)(uint16_t)(value & 0xFFFFU));
    nvm_put(words + 1, (int16_t)(uint16_t)(value >> 16));
}

#endif
