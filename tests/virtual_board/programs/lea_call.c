/* One call of the accelerator's MAC with every step that the library of the device's maker documents for its own:
 * checks, a lock, a parameter block on the accelerator's stack, sleeping, the interrupt's routine, the flags. Registers
 * are written in 32 bits, as its header declares them. The word mark is written before the call and after it.
 */
#include <stdint.h>

#define LONG(address) (*(volatile uint32_t *)(address))
#define WORD(address) (*(volatile uint16_t *)(address))
#define LEACNF0 LONG(0xA84)
#define LEACNF1 LONG(0xA88)
#define LEACNF2 LONG(0xA8C)
#define LEAMB WORD(0xA90)
#define LEAMT WORD(0xA94)
#define LEAPMCTL LONG(0xAC0)
#define LEAPMS1 LONG(0xAC8)
#define LEAPMS0 LONG(0xACC)
#define LEAPMCB LONG(0xAD0)
#define LEAIE LONG(0xAF4)
#define LEAIFG LONG(0xAF8)

enum { FINE, ODD_LENGTH, BAD_ADDRESS, LOCKED, EARLY, OUT_OF_RANGE, INCONSISTENT };

struct block {
    uint16_t length, second, output, reserved;
};

static volatile uint16_t flags, locked;
__attribute__((section(".mark"))) volatile uint16_t mark = 1;
__attribute__((section(".results"))) volatile int32_t results[2] = {1}; /* what the call returned, and the sum */

__attribute__((interrupt)) void ended(void)
{
    const uint16_t found = (uint16_t)LEAIFG;
    LEAIFG |= found;
    flags = found;
    __bic_SR_register_on_exit(0x10);
}

__attribute__((section(".lea_vector"), used)) void (*const vector)(void) = ended;

static uint16_t disable(void)
{
    uint16_t status;
    __asm__ volatile("mov.w SR, %0\n\tdint\n\tnop" : "=r"(status) : : "memory");
    return status & 8U;
}

static void restore(uint16_t status)
{
    __asm__ volatile("nop\n\tbis.w %0, SR\n\tnop" : : "r"(status) : "memory");
}

static int usable(const volatile void *operand)
{
    const uintptr_t at = (uintptr_t)operand;
    return (at >= LEAMB) & (at < LEAMT) & ((at & 3U) == 0);
}

static void enable(void)
{
    LEACNF0 = 0x500;
    LEACNF1 = 0;
    LEACNF2 = LEAMT >> 2;
    LEAPMCTL |= 1U;
    LEAIE |= 0x10U;
}

static void invoke(uint16_t command)
{
    const uint16_t state = disable();
    flags = 0;
    LEAPMCB = command | 2U;
    __asm__ volatile("bis.w #0x18, SR\n\tnop" : : : "memory");
    (void)disable();
    restore(state);
}

__attribute__((noinline)) static int call(uint16_t length, const int16_t *first, const int16_t *second,
                                          volatile int32_t *output)
{
    struct block *block;
    uint16_t state;

    if (length & 1U)
        return ODD_LENGTH;
    if (!(usable(first) & usable(second) & usable(output)))
        return BAD_ADDRESS;
    state = disable();
    if (locked) {
        restore(state);
        return LOCKED;
    }
    locked = 1;
    restore(state);
    if (!(LEAPMCTL & 1U))
        enable();
    LEACNF2 -= sizeof *block / 4U;
    block = (struct block *)(uintptr_t)(LEACNF2 << 2);
    block->second = (uint16_t)((uintptr_t)second >> 2);
    block->output = (uint16_t)((uintptr_t)output >> 2);
    block->length = length;
    LEAPMS0 = (uint16_t)((uintptr_t)first >> 2);
    LEAPMS1 = (uint16_t)((uintptr_t)block >> 2);
    invoke(0x54);
    LEACNF2 += sizeof *block / 4U;
    locked = 0;
    return flags & 1U ? EARLY : flags & 4U ? OUT_OF_RANGE : flags & 8U ? INCONSISTENT : FINE;
}

__attribute__((naked, used, section(".start"))) void _start(void)
{
    __asm__ volatile("mov.w #0x2C00, SP\n\t"
                     "mov.w #0x5A80, &0x15C\n\t"
                     "call #main\n\t"
                     "jmp .");
}

int main(void)
{
    int16_t *const data = (int16_t *)0x3000;
    volatile int32_t *const output = (int32_t *)0x3800;

    WORD(0x140) = 0xA510; /* 16 MHz, one wait state */
    WORD(0x160) = 0xA500;
    WORD(0x162) = 0x48;
    WORD(0x166) = 0;
    for (uint16_t i = 0; i < 1024U; i++)
        data[i] = 100;
    flags = locked = 0;
    (void)call(2, data, data, output); /* enables the accelerator */
    mark = 2;
    results[0] = call(LENGTH, FIRST, data + 512, output);
    mark = 3;
    results[1] = *output;
    mark = 4;
    return 0;
}
