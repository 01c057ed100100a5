#define _DEFAULT_SOURCE
#include "machine.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "caller.h"
#include "fail.h"
#include "fram.h"
#include "nvm.h"
#include "runtime.h"
#include "supply.h"
#include "sram.h"
#include "stream.h"
#include "watchdog.h"

extern uint16_t __start_nvm[];

machine_t machine KEEP = {0};

static const policy_t *policy KEEP = NULL;
static sigjmp_buf out KEEP = {0};
static uint32_t call_limit KEEP = 0U; /* writes in one call that no runtime needs */
static uint32_t call_start KEEP = 0U;

static uint64_t word_hash(size_t index, uint16_t value)
{
    uint64_t hash = ((uint64_t)index << 16 | value) * 0x9E3779B97F4A7C15U;

    hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93U;
    return hash ^ hash >> 29;
}

/* Full or empty, as a hash of the memory that the device wakes up with says: so every start that follows another memory
 * may find another supply, and the same memory always the same.
 */
static uint16_t supply_now(void)
{
    return stream_choices() > 1U && (word_hash(0U, (uint16_t)(machine.hash ^ machine.hash >> 32)) >> 40 & 1U) != 0U
               ? 0U
               : UINT16_MAX;
}

uint16_t port_supply(void)
{
    return machine.supply;
}

/* What a cold start finds: the protocol's words as the firmware was written, random words elsewhere. */
static void fill(uint16_t *words, size_t count)
{
    const size_t progress = (size_t)((volatile uint16_t *)&model_progress - (volatile uint16_t *)__start_nvm);
    size_t i;

    for (i = 0U; i < count; i++) {
        if (i < progress || i >= progress + sizeof model_progress / sizeof *words) {
            words[i] = (uint16_t)(sram_random() >> 48);
        }
    }
}

void machine_init(uint64_t seed, uint16_t target)
{
    const size_t words = fram_persistent_bytes() / sizeof(uint16_t);
    FILE *file = tmpfile();

    if (file == NULL || !fram_save(fileno(file), 0U)) {
        fail(FAIL_TOOL, "no temporary file for FRAM");
    }
    fram_map(fileno(file), 0U);
    sram_seed(seed);
    fill(fram_words(), words);
    image_init(&machine.fram, fram_words(), words);
    machine.target = target;
    call_limit = 16U * (uint32_t)words + 65536U;
    watchdog_init();
    sram_init(); /* last: the addresses of the mapping are among the statics */
}

ending_t machine_run(const policy_t *with)
{
    const int reason = sigsetjmp(out, 0);

    if (reason != 0) {
        watchdog_pause();
        return (ending_t)reason;
    }
    policy = with;
    machine.writes = 0U;
    machine.calls = 0U;
    machine.divergence.boot_cursor = model_progress.cursor;
    machine.supply = supply_now();
    sram_boot();
    for (;;) {
        policy->between_calls();
        if (++machine.calls > 64U + 4U * (uint64_t)model_units * (uint64_t)(machine.target - stream_wanted() + 1)) {
            machine_diverged("no end: more calls than any inference needs", 0);
        }
        call_start = machine.writes;
        sram_poison();
        watchdog_resume();
        if (!caller_step()) {
            break;
        }
        watchdog_pause();
    }
    watchdog_pause();
    return FINISHED;
}

static void leave(ending_t reason)
{
    siglongjmp(out, (int)reason);
}

void machine_stop(void)
{
    leave(STOPPED);
    abort();
}

void machine_diverged(const char *kind, int32_t found)
{
    machine.divergence.kind = kind;
    machine.divergence.write = machine.writes;
    machine.divergence.cursor = model_progress.cursor;
    machine.divergence.found = found;
    leave(DIVERGED);
    abort();
}

void machine_wrong_answer(uint16_t input, uint16_t output, uint16_t element, int16_t expected, int16_t found)
{
    machine.divergence.input = input;
    machine.divergence.output = output;
    machine.divergence.element = element;
    machine.divergence.expected = expected;
    machine_diverged("a wrong answer", found);
}

void machine_event(void)
{
    policy->after_event();
}

void nvm_hook(volatile uint16_t *word, uint16_t value)
{
    uint16_t old;
    size_t index;

    watchdog_pause();
    if (!fram_contains(word)) {
        machine_diverged("a write past the persistent objects, or not aligned to 16 bits", value);
    }
    policy->before_write();
    index = (size_t)(word - (volatile uint16_t *)__start_nvm);
    old = *word;
    if (old != value) {
        fram_write(word, value);
        machine.hash ^= word_hash(index, old) ^ word_hash(index, value);
        image_touch(&machine.fram, index);
    }
    machine.writes++;
    machine.total_writes++;
    if (machine.writes - call_start > call_limit) {
        machine_diverged("a call that writes without end", 0);
    }
    stream_observe();
    policy->after_event();
    watchdog_resume();
}
