#include "sram.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "fram.h"
#include "image.h"

#define POOL_BYTES 65536U
#define STACK_BYTES 8192U
#define MAX_RANGES 8U

typedef struct {
    unsigned char *start;
    unsigned char *end;
} range_t;

extern unsigned char __data_start[];
extern unsigned char _end[];
extern unsigned char __start_nvm[];
extern unsigned char __start_diag[];
extern unsigned char __start_harness[];
extern unsigned char __stop_harness[];
extern unsigned char __start_scratch[];
extern unsigned char __stop_scratch[];

typedef struct {
    uint64_t random;
    unsigned char *noise;
    range_t statics[MAX_RANGES];
    size_t ranges;
    size_t bytes;
    unsigned char *initial; /* all ranges, one after the other */
    unsigned char *now;     /* likewise, at the last call of sram_statics */
    image_t image;          /* of now */
} sram_t;

/* Sections of their own beside the mapped ones: see fram.c. */
static uint16_t harness_pages KEEP FRAM_BEGINS_A_PAGE = 0U;

static sram_t sram KEEP = {0};

uint64_t sram_random(void)
{
    sram.random ^= sram.random << 13;
    sram.random ^= sram.random >> 7;
    sram.random ^= sram.random << 17;
    return sram.random * 0x2545F4914F6CDD1DU;
}

/* Takes [start, end) out of the ranges. */
static void exclude(unsigned char *start, unsigned char *end)
{
    size_t i;
    const size_t count = sram.ranges;

    for (i = 0U; i < count; i++) {
        range_t *range = &sram.statics[i];

        if (start < range->end && end > range->start) {
            if (end < range->end) {
                sram.statics[sram.ranges].start = end;
                sram.statics[sram.ranges++].end = range->end;
            }
            range->end = start > range->start ? start : range->start;
        }
    }
}

static void gather(unsigned char *to)
{
    size_t i;

    for (i = 0U; i < sram.ranges; i++) {
        const size_t bytes = (size_t)(sram.statics[i].end - sram.statics[i].start);

        memcpy(to, sram.statics[i].start, bytes);
        to += bytes;
    }
}

void sram_seed(uint64_t seed)
{
    size_t i;

    /* Spread out, or neighbouring seeds begin alike; and never 0. */
    sram.random = (seed + 1U) * 0x9E3779B97F4A7C15U | 1U;
    sram.noise = malloc(POOL_BYTES);
    if (sram.noise == NULL) {
        fail(FAIL_TOOL, "no memory for the image of SRAM");
    }
    for (i = 0U; i < POOL_BYTES; i++) {
        sram.noise[i] = (unsigned char)(sram_random() >> 56);
    }
}

void sram_init(void)
{
    size_t i;

    sram.statics[0].start = __data_start;
    sram.statics[0].end = _end;
    sram.ranges = 1U;
    exclude(__start_nvm, __start_nvm + fram_persistent_bytes());
    exclude(__start_diag, __start_diag + fram_diag_bytes());
    exclude(__start_harness, __stop_harness);
    exclude(__start_scratch, __stop_scratch);
    for (i = 0U; i < sram.ranges; i++) {
        sram.bytes += (size_t)(sram.statics[i].end - sram.statics[i].start);
    }
    sram.bytes = (sram.bytes + sizeof(node_t) - 1U) / sizeof(node_t) * sizeof(node_t);
    sram.initial = calloc(1U, sram.bytes);
    sram.now = calloc(1U, sram.bytes);
    if (sram.initial == NULL || sram.now == NULL) {
        fail(FAIL_TOOL, "no memory for the image of SRAM");
    }
    gather(sram.initial);
    gather(sram.now);
    image_init(&sram.image, (uint16_t *)(void *)sram.now, sram.bytes / sizeof(uint16_t));
}

static void poison(unsigned char *start, size_t bytes)
{
    while (bytes != 0U) {
        const size_t part = bytes < POOL_BYTES / 2U ? bytes : POOL_BYTES / 2U;

        memcpy(start, sram.noise + sram_random() % (POOL_BYTES / 2U), part);
        start += part;
        bytes -= part;
    }
}

/* The frame of this function is where the next call's frames will be. */
static __attribute__((noinline)) void poison_stack(void)
{
    unsigned char dead[STACK_BYTES];

    poison(dead, sizeof dead);
    __asm__ volatile("" ::"r"(dead) : "memory");
}

void sram_poison(void)
{
    poison(__start_scratch, (size_t)(__stop_scratch - __start_scratch));
    poison_stack();
}

void sram_boot(void)
{
    const unsigned char *from = sram.initial;
    size_t i;

    for (i = 0U; i < sram.ranges; i++) {
        const size_t bytes = (size_t)(sram.statics[i].end - sram.statics[i].start);

        memcpy(sram.statics[i].start, from, bytes);
        from += bytes;
    }
    sram_poison();
}

uint32_t sram_statics(void)
{
    size_t i;
    size_t done = 0U;

    for (i = 0U; i < sram.ranges; i++) {
        const size_t bytes = (size_t)(sram.statics[i].end - sram.statics[i].start);

        if (memcmp(sram.now + done, sram.statics[i].start, bytes) != 0) {
            size_t word;

            memcpy(sram.now + done, sram.statics[i].start, bytes);
            for (word = done / 2U; word <= (done + bytes - 1U) / 2U; word++) {
                image_touch(&sram.image, word);
            }
        }
        done += bytes;
    }
    return image_save(&sram.image);
}
