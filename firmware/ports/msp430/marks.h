/* Pins that an energy probe can watch: one is high while an inference runs, one toggles at each layer. */
#ifndef MARKS_H
#define MARKS_H

#include "registers.h"

#ifdef BOARD_MARK_INFERENCE_OUT

static inline void marks_start(void)
{
    BYTE_AT(BOARD_MARK_INFERENCE_OUT) &= (uint8_t)~BOARD_MARK_INFERENCE_BIT;
    BYTE_AT(BOARD_MARK_LAYER_OUT) &= (uint8_t)~BOARD_MARK_LAYER_BIT;
    BYTE_AT(BOARD_MARK_INFERENCE_DIR) |= BOARD_MARK_INFERENCE_BIT;
    BYTE_AT(BOARD_MARK_LAYER_DIR) |= BOARD_MARK_LAYER_BIT;
}

static inline void mark_inference(int running)
{
    if (running) {
        BYTE_AT(BOARD_MARK_INFERENCE_OUT) |= BOARD_MARK_INFERENCE_BIT;
    } else {
        BYTE_AT(BOARD_MARK_INFERENCE_OUT) &= (uint8_t)~BOARD_MARK_INFERENCE_BIT;
    }
}

static inline void mark_layer(void)
{
    BYTE_AT(BOARD_MARK_LAYER_OUT) ^= BOARD_MARK_LAYER_BIT;
}

#else

static inline void marks_start(void)
{
}

static inline void mark_inference(int running)
{
    (void)running;
}

static inline void mark_layer(void)
{
}

#endif

#endif
