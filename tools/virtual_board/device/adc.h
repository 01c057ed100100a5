/* The converter ADC12_B, as far as a firmware needs it to read its supply voltage: single conversions of channel 31,
 * half of AVCC, against the reference, started by software and paced by the module's own oscillator. Anything else
 * stops the run. Registers, bits and times as in SLAU367 and SLASE54D, recalled.
 */

#ifndef ADC_H
#define ADC_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum { ADC_BASE = 0x800, ADC_SIZE = 0xA0 };

struct adc {
    bool present;
    uint16_t ctl0, ctl1, ctl2, ctl3, mctl0, mem0, ifg;
    bool busy, held;    /* from the trigger on; sampled, and being converted */
    uint64_t due_ps;    /* when the present part of a conversion ends, NEVER where there is none */
    uint16_t converted; /* what it will give */
};

void adc_reset(struct machine *m);
uint16_t adc_read(struct machine *m, uint32_t offset);
void adc_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);
uint64_t adc_due(const struct machine *m);
void adc_event(struct machine *m);

#endif
