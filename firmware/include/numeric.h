/* The numbers that kernels work on: int16 activations with int32 accumulators, or float32 (MODEL_FLOAT), which keeps
 * the float output of a network for comparison.
 */
#ifndef NUMERIC_H
#define NUMERIC_H

#include <stdint.h>
#include <string.h>

#include "config.h"
#include "nvm.h"

#ifdef MODEL_FLOAT

typedef float element_t;
typedef float accumulator_t;

static inline element_t requantize(accumulator_t acc, uint16_t multiplier, uint16_t shift)
{
    (void)multiplier;
    (void)shift;
    return acc;
}

static inline void store(element_t *address, element_t value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    nvm_put32((int16_t *)(void *)address, bits);
}

#else

typedef int16_t element_t;
typedef int32_t accumulator_t;

/* sat16((acc * multiplier + 2^(shift-1)) >> shift), round half up; 0 <= multiplier < 2^15; shift 8, 16, 24, 32 or 40.
 *
 * The 48-bit product is high * 2^16 + low, so that a 16-bit machine needs no 64-bit arithmetic: shifts by whole bytes
 * are moves there. Signed >> is arithmetic, as in every compiler this is built with (a self-test relies on it).
 */
static inline int16_t requantize(int32_t acc, uint16_t multiplier, uint16_t shift)
{
    const uint32_t low_product = (uint32_t)(uint16_t)(uint32_t)acc * multiplier;
    int32_t high = (int32_t)(int16_t)(uint16_t)((uint32_t)acc >> 16) * (int16_t)multiplier;
    uint16_t low = (uint16_t)low_product;

    high += (int32_t)(low_product >> 16);
    switch (shift) {
    case 8:
        if (low >= 0xFF80U) {
            high += 1;
        }
        low = (uint16_t)(low + 0x80U);
        if (high < -128) {
            return INT16_MIN;
        }
        if (high > 127) {
            return INT16_MAX;
        }
        return (int16_t)(uint16_t)(((uint32_t)high << 8) | (uint32_t)(low >> 8));
    case 16:
        high += (int32_t)(low >> 15);
        break;
    case 24:
        high = (high + 0x80) >> 8;
        break;
    case 32:
        high = (high + INT32_C(0x8000)) >> 16;
        break;
    default:
        high = (high + INT32_C(0x800000)) >> 24;
        break;
    }
    if (high < INT16_MIN) {
        return INT16_MIN;
    }
    if (high > INT16_MAX) {
        return INT16_MAX;
    }
    return (int16_t)high;
}

static inline void store(element_t *address, element_t value)
{
    nvm_put(address, value);
}

#endif

static inline element_t clamp(element_t value, element_t low, element_t high)
{
    if (value < low) {
        return low;
    }
    return value > high ? high : value;
}

#endif
