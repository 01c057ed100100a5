/* Cycles an instruction takes without wait states: SLAU445I tables 4-8 to 4-19, the CPUX chapter of SLAU367. */

#include "cpu.h"

uint8_t cost_one(unsigned operation, int size, bool extended, enum cost_source source, bool to_memory, bool to_pc)
{
    /*                                        Rn @Rn #N X(Rn) */
    static const uint8_t plain_register[4] = {1, 2, 2, 3};
    static const uint8_t plain_pc[4] = {3, 4, 3, 5};
    static const uint8_t plain_memory[4] = {4, 5, 5, 6};
    static const uint8_t word_register[4] = {2, 3, 3, 4};
    static const uint8_t word_pc[4] = {4, 5, 4, 6};
    static const uint8_t word_memory[4] = {5, 6, 6, 7};
    static const uint8_t address_register[4] = {2, 4, 3, 5};
    static const uint8_t address_pc[4] = {4, 6, 4, 7};
    static const uint8_t address_memory[4] = {7, 9, 8, 10};
    bool no_write = operation == MOV || operation == BIT || operation == CMP; /* or no read before it */
    bool wide = size == ADDRESS;
    if (to_memory) {
        uint8_t saved = no_write ? (wide ? 2 : 1) : 0;
        uint8_t full = !extended ? plain_memory[source] : wide ? address_memory[source] : word_memory[source];
        return (uint8_t)(full - saved);
    }
    if (!to_pc)
        return !extended ? plain_register[source] : wide ? address_register[source] : word_register[source];
    if (!extended)
        return plain_pc[source];
    bool shorter = operation == MOV || operation == ADD || operation == SUB;
    if (wide && (source == FROM_IMMEDIATE || source == FROM_INDEX) && shorter)
        return (uint8_t)(address_pc[source] - 1);
    return wide ? address_pc[source] : word_pc[source];
}

uint8_t cost_two(unsigned operation, int size, bool extended, int mode, bool increment, bool absolute, bool on_stack)
{
    bool in_register = mode == BY_REGISTER || mode == BY_CONSTANT;
    bool pointer = mode == BY_POINTER || increment;
    bool wide = size == ADDRESS;
    if (operation == CALL)
        return in_register || pointer ? 4 : absolute ? 6 : 5;
    if (operation == PUSH && !extended)
        return in_register || pointer ? 3 : 4;
    if (operation == PUSH) {
        if (in_register)
            return wide ? 5 : 4;
        if (pointer)
            return wide ? 6 : 4;
        return (uint8_t)((wide ? 7 : 5) + (on_stack ? 1 : 0));
    }
    if (in_register)
        return extended ? 2 : 1;
    if (pointer)
        return !extended ? 3 : wide ? 6 : 4;
    return !extended ? 4 : wide ? 7 : 5;
}
