/* LEACMD__MAC: the sum of the products of two vectors of 16-bit numbers, as one 32-bit number.
 *
 * DSPLib gives the result the type IQ31 for Q15 operands, and its path for devices without the accelerator computes it
 * with the hardware multiplier in fractional and saturating mode: twice the integer sum, held in the range of 32 bits.
 * CMU's TAILS, which ran on the device, halves what it gets, which agrees, and uses the lowest bits, so that nothing is
 * rounded away. TI's header calls the command one from 16 to 16 bits; its library's function writes 32.
 *
 * Not documented: whether a sum that leaves the range is held there at every product, as here and as the multiplier
 * does, or at the end, or has more bits inside. Such results are counted; no program should depend on them. Where every
 * partial sum stays within -2^30 to 2^30 - 1, all of these give the same, and half of it is the integer sum exactly.
 */

#include "lea.h"

#include "machine.h"
#include "memory.h"

enum { LENGTH = 0, SECOND = 2, OUTPUT = 4, BLOCK_BYTES = 8 }; /* of the parameter block; its last word is reserved */
enum { RESULT_BYTES = 4 };

/* Published for MSP430FR5994 at 16 MHz: a call of DSPLib's msp_mac_q15 takes 1.5 n + 616 cycles (iNAS, CODES 2021,
 * microbench_measurements.py), fitted. The part of each element is the accelerator's. The constant holds the library's
 * checks, the parameter block, starting, waking, the interrupt's routine and the end; see start_cycles in lea.c.
 */
enum { CYCLES_A_PAIR = 3 };

uint64_t lea_mac_cycles(const struct machine *m)
{
    return (uint64_t)m->lea.mac.length / 2u * CYCLES_A_PAIR;
}

static bool inside(const struct lea *u, uint32_t address, uint32_t bytes)
{
    return address >= u->low && address < u->high && bytes <= u->high - address;
}

static bool overlap(uint32_t a, uint32_t a_bytes, uint32_t b, uint32_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

/* Registers and parameters hold addresses without their two lowest bits: what a program would lose there it must check
 * itself, as DSPLib does; the accelerator cannot see it.
 */
static uint32_t address_of(uint32_t stored)
{
    return (stored & 0xFFFFu) << 2;
}

/* Assumed: which of its flags the accelerator raises for which mistake, and that it then touches nothing. An output
 * that lies on operands may come out right or not.
 */
unsigned lea_mac_read(struct machine *m)
{
    struct lea *u = &m->lea;
    struct lea_mac *mac = &u->mac;
    static const struct lea_mac nothing;
    *mac = nothing;
    mac->parameters = address_of(u->source1);
    mac->first = address_of(u->source0);
    if (!inside(u, mac->parameters, BLOCK_BYTES))
        return LEAOOR;
    mac->length = peek(m, mac->parameters + LENGTH);
    mac->second = address_of(peek(m, mac->parameters + SECOND));
    mac->output = address_of(peek(m, mac->parameters + OUTPUT));
    uint32_t bytes = 2u * mac->length;
    if (mac->length == 0 || mac->length % 2u != 0)
        return LEASDI;
    if (!inside(u, mac->first, bytes) || !inside(u, mac->second, bytes) || !inside(u, mac->output, RESULT_BYTES))
        return LEAOOR;
    mac->disturbed = overlap(mac->output, RESULT_BYTES, mac->first, bytes) ||
                     overlap(mac->output, RESULT_BYTES, mac->second, bytes) ||
                     overlap(mac->output, RESULT_BYTES, mac->parameters, BLOCK_BYTES);
    return 0;
}

bool lea_mac_uses(const struct machine *m, uint32_t address)
{
    const struct lea_mac *mac = &m->lea.mac;
    uint32_t word = address & ~1u;
    return overlap(word, 2, mac->parameters, BLOCK_BYTES) || overlap(word, 2, mac->first, 2u * mac->length) ||
           overlap(word, 2, mac->second, 2u * mac->length) || overlap(word, 2, mac->output, RESULT_BYTES);
}

static int64_t element(const struct machine *m, uint32_t vector, unsigned i)
{
    return (int16_t)peek(m, vector + 2u * i);
}

static uint32_t doubled_sum(struct machine *m)
{
    const struct lea_mac *mac = &m->lea.mac;
    int64_t sum = 0;
    bool saturated = false;
    for (unsigned i = 0; i < mac->length; i++) {
        sum += 2 * element(m, mac->first, i) * element(m, mac->second, i);
        if (sum > INT32_MAX || sum < INT32_MIN) {
            sum = sum > 0 ? INT32_MAX : INT32_MIN;
            saturated = true;
        }
    }
    m->lea.saturations += saturated;
    return (uint32_t)sum;
}

void lea_mac_compute(struct machine *m)
{
    const struct lea_mac *mac = &m->lea.mac;
    uint32_t result = mac->disturbed ? (uint32_t)random_word(m) : doubled_sum(m);
    for (unsigned i = 0; i < RESULT_BYTES; i++)
        m->memory[mac->output + i] = (uint8_t)(result >> 8 * i);
}
