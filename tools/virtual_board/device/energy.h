/* What the device draws, in whole femtojoules that follow from counts and virtual time alone, whoever looks when.
 *
 * All figures hold at one voltage (3 V in TI's tables), whatever the capacitor's is. Counts that the processor makes
 * anyway are multiplied by coefficients; these change only with a clock or a module, and then what was drawn so far is
 * settled.
 */

#ifndef ENERGY_H
#define ENERGY_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum {
    DRAWN_CORE,
    DRAWN_FRAM_READS, /* what a read costs more because its line is not in the cache */
    DRAWN_FRAM_WRITES,
    DRAWN_MULTIPLIER,
    DRAWN_CRC,
    DRAWN_LEA,
    DRAWN_UART,
    DRAWN_TIMERS,
    DRAWN_ADC, /* with its reference */
    DRAWN_SLEEP,
    DRAWN_BOOT,
    DRAWN_KINDS
};

/* Femtojoules and the zeptojoules (1e-21) that are not one yet. */
struct joules {
    uint64_t fj, zj;
};

enum { CURVE_POINTS = 8 };

/* A current by frequency: between the points of TI's table, and beyond them, on a straight line. */
struct curve {
    unsigned points;
    uint64_t hz[CURVE_POINTS], na[CURVE_POINTS];
};

struct energy {
    struct curve active_100, active_75, lpm0, lpm1;
    uint64_t lpm3_na, lpm4_na, adc_na, adc_buffer_na, reference_na, millivolts;
    uint64_t timer_fj, uart_fj, multiplier_fj, crc_fj, lea_fj; /* a period of the module's clock */
    uint64_t write_fj, boot_fj, boot_ps;

    uint64_t cycle_fj, miss_fj, timers_nw, uart_nw, adc_nw;                /* as things are now */
    uint64_t cycles, misses, writes, multiplying, crc_words, accelerating; /* up to where they are settled */
    uint64_t ps;
    struct joules drawn[DRAWN_KINDS];
};

extern const char *const energy_names[DRAWN_KINDS];

/* Adds a power over a time, exactly. */
void joules_add(struct joules *j, uint64_t nw, uint64_t ps);

/* A point of a curve, or a figure: name=value, name=hertz:nanoamperes. False where there is none of that name. */
bool energy_option(struct machine *m, const char *name, const char *value);

/* Clocks or modules have changed. */
void energy_update(struct machine *m);

/* Without power nothing draws. */
void energy_off(struct machine *m);

/* A start from brown-out: its charge and its time. */
void energy_boot(struct machine *m);

/* Time passes in the low-power mode that the status register says. */
void energy_asleep(struct machine *m, uint64_t ps);

/* All that was drawn up to now, in femtojoules. */
uint64_t energy_total(struct machine *m);

/* No cycle of MCLK draws more than this, as things are now. */
uint64_t energy_worst_cycle(const struct machine *m);

/* What is drawn while the processor sleeps, as things are now. */
uint64_t energy_asleep_nw(const struct machine *m);

#endif
