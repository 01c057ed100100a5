/* Restartable inference: a table of layers, each cut into restart units, walked by one persistent cursor.
 *
 * cursor == 0              idle: an input may be delivered, or the one held may be started
 * cursor == 1 .. units     unit (cursor - 1) runs next; all units before it are complete in non-volatile memory
 * cursor == units + 1      done: the outputs are the answer to the input held; an early exit goes there at once
 *
 * A unit reads constants, the input and what earlier units have committed; it writes only its own items. So running
 * it again from its start, after a power failure anywhere inside, gives the same memory. The cursor is one 16-bit
 * word, written last.
 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stdint.h>

#include "config.h"
#include "nvm.h"

/* Computes the items first <= i < last of a layer. An item is one element of the layer's output, in storage order
 * (for fill: one row of the border). */
typedef void (*kernel_t)(const void *params, uint16_t first, uint16_t last);

/* The same in assembly for a whole step, a number of units: each time per_unit items are complete, and at the last one,
 * the cursor goes up by one. So a unit costs one write, and a step's start is paid for once.
 */
typedef void (*kernel_walk_t)(const void *params, uint16_t first, uint16_t last, uint16_t per_unit);

typedef struct {
    kernel_t run; /* NULL: an early exit, whose parameters are an exit_t */
    const void *params;
    uint16_t first_unit; /* number of units in all earlier layers */
    uint16_t items;      /* output elements */
    uint16_t per_unit;   /* items in each unit but the last */
    uint16_t per_step;   /* items in each step of the walk, a multiple of per_unit */
    kernel_walk_t walk;  /* NULL where there is none */
} layer_t;

/* The words of the protocol. All persistent; statically initialized to 0 when the firmware is written to the board,
 * those of the exit policy to the one it was made with.
 */
typedef struct {
    volatile uint16_t cursor;
    volatile uint16_t held; /* 1: id and the input bytes are complete and belong together */
    int16_t id[2];          /* of the input held, low word first */
#ifdef MODEL_EXITS
    volatile uint16_t limit;                /* number of the last exit that may be taken */
    volatile uint16_t plenty;               /* supply from which confidence ends nothing; 0: not looked at */
    volatile uint16_t margins[MODEL_EXITS]; /* of each early exit: the confidence above which inference ends there */
    volatile uint16_t levels[MODEL_EXITS];  /* ... and the supply below which it does; 0: not looked at */
#endif
} progress_t;

typedef struct {
    const int16_t *data; /* contiguous */
    uint16_t words;
} output_t;

/* Given by the generated model.c. */
extern const layer_t model_layers[];
extern const uint16_t model_layer_count;
extern const uint16_t model_units;
extern const uint16_t model_input_words;
extern progress_t model_progress;
extern int16_t *const model_input;
extern const output_t model_outputs[];
extern const uint16_t model_output_count;
extern const int8_t model_output_exponents[]; /* value = element * 2^-exponent */
extern const output_t model_layer_views[];    /* the memory that each layer writes, for validation */

/* Takes an input of model_input_words words under the caller's id. Returns 0, or -1 while an inference is under way or
 * its result waits. The input held before is given up at once. */
int model_deliver(uint32_t id, const int16_t *words);

/* The same in parts, for an input that comes over a slow line: open gives up the input held (-1 while an inference is
 * under way or its result waits), then the caller puts all words of model_input, then close makes it the input held.
 * Between the two no input can be started, however often the power fails.
 */
int model_open(void);
void model_close(uint32_t id);

/* 1 and the id where a complete input is held, 0 otherwise. */
int model_held(uint32_t *id);

/* Starts the inference on the input held. Returns 0, or -1 where none is held or one is under way. */
int model_start(void);

/* Runs one restart unit, or as many of one layer as its walk takes in a step. Returns 1 while an inference is under
 * way, 0 when idle or done. On an MSP430 sums stay in the hardware multiplier meanwhile, with interrupts on: a handler
 * of yours may not use it (in C, not multiply) unless you keep interrupts off around this call.
 */
int model_step(void);

/* Whether this processor's multiplier takes signed bytes as its manual says, which walks rely on. Without that, kernels
 * in C run in their place, to the same result.
 */
#ifdef MODEL_WALKS
uint16_t multiplier_takes_bytes(void);
#endif

/* 1 and the id of the answered input where the outputs may be read, 0 otherwise. They stay until model_acknowledge. */
int model_done(uint32_t *id);

#ifdef MODEL_EXITS
/* The best answer so far to the input held: the scores of the last exit that the inference has reached, whether it goes
 * on, is done, or lost its power for good. Returns 1 and the number of the exit, or 0 where none was reached yet.
 */
int model_best(uint16_t *number, output_t *scores);

/* Change the policy, a word at a time, from the next decision on. -1 where there is no such exit. */
int model_set_limit(uint16_t number);
int model_set_margin(uint16_t number, uint16_t margin);
int model_set_level(uint16_t number, uint16_t level);
void model_set_plenty(uint16_t plenty);

/* From now on the supply decides nothing, and an answer depends on its input alone. */
void model_ignore_supply(void);
#endif

/* Gives the result up: the next input may come. The input stays held and can be started again, unless the project was
 * made with --volatile-input.
 */
void model_acknowledge(void);

#endif
