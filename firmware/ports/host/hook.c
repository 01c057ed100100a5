#define _DEFAULT_SOURCE
#include "hook.h"

#include <time.h>

#include "fram.h"
#include "nvm.h"

#define SECOND 1000000000

static uint32_t pause_ns;

void hook_slow_down(uint32_t nanoseconds)
{
    pause_ns = nanoseconds;
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

void nvm_hook(volatile uint16_t *word, uint16_t value)
{
    const int64_t end = now_ns() + pause_ns;

    while (now_ns() < end) {
    }
    fram_write(word, value);
}
