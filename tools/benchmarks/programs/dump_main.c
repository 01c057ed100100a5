/* msim_main.c on a board: every layer's words through the simulated device's system calls. */
#include "port.h"

#undef ARENA
#define ARENA(number) DIAG
#define main dump
#include "msim_main.c"
#undef main

static uint16_t system_call(uint16_t number, void *buffer, size_t count)
{
    register uint16_t result __asm__("r12") = 0U;
    register void *at __asm__("r13") = buffer;
    register size_t size __asm__("r14") = count;

    if (number == 4U) {
        __asm__ volatile("calla #0x184" : "+r"(result) : "r"(at), "r"(size) : "memory");
    } else {
        __asm__ volatile("calla #0x185" : "+r"(result) : "r"(at), "r"(size) : "memory");
    }
    return result;
}

int read(int file, void *buffer, size_t count)
{
    (void)file;
    return (int)system_call(4U, buffer, count);
}

int write(int file, const void *buffer, size_t count)
{
    (void)file;
    return (int)system_call(5U, (void *)buffer, count);
}

void exit(int code)
{
    register int result __asm__("r12") = code;

    __asm__ volatile("calla #0x181" : : "r"(result));
    for (;;) {
    }
}

int main(void)
{
    exit(dump());
}
