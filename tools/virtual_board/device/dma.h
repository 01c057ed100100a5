/* The DMA controller: single and block transfers, once or repeated, that software triggers (DMAREQ). */

#ifndef DMA_H
#define DMA_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum { DMA_CHANNELS = 6 };

struct dma_channel {
    uint16_t ctl, size, left;
    uint32_t source, target; /* as written */
    uint32_t from, to;       /* as they move */
};

struct dma {
    unsigned channels, vector; /* 0 channels where the device has none */
    uint16_t ctl[5];
    struct dma_channel channel[DMA_CHANNELS];
    bool requested;
};

/* 0x500 to the end of the last channel's registers. */
uint32_t dma_size(const struct machine *m);

void dma_reset(struct machine *m);
uint16_t dma_read(struct machine *m, uint32_t offset);
void dma_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

/* What was asked for by the last instruction; the processor waits. */
void dma_run(struct machine *m);

#endif
