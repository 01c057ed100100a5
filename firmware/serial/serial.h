/* The serial protocol: the commands of the MLPerf Tiny benchmark, and an extension of binary frames for bulk data.
 *
 * Whatever is sent may be cut off by a power failure on either side. An input is complete when all of it was written,
 * in order, under one id; a result carries the id of its input; every request may be repeated.
 */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdint.h>

#include "runtime.h"

/* Finishes the inference that a failure has cut, says hello, serves the host for ever. */
void serial_serve(void);

/* An input in parts. model_input_words words must come in order from 0; a word may come again. */
int input_open(uint32_t id);
int input_write(uint32_t id, uint16_t at, const uint8_t *bytes, uint16_t words);
int input_close(uint32_t id);
uint16_t input_filled(void);

/* Runs the inference under way until it is done, or until the layers before `layer` are complete. */
void inference_run(uint16_t layer);
#define ALL_LAYERS 0xFFFFU

/* The same after a failure, as far as was asked before it. */
void inference_resume(void);

/* Starts an inference on the input held, to be run until the layers before `stop` are complete; its counters begin
 * again. 0, or -1 where none is held or one is under way. */
int inference_start(uint16_t stop);

/* Ends what is under way and gives its result up. */
void inference_settle(void);

/* Cycles of the last inference in the completed units of each layer. */
uint32_t inference_cycles(uint16_t layer);

/* Prints the outputs that wait, or that there are none; one output's values. */
void command_results(void);
void results_print(const output_t *output, int8_t exponent);

#ifdef MODEL_EXITS
/* Changes a word of the exit policy; -1 where there is none. A printable command of exits; 0 where it is another's. */
enum { POLICY_LIMIT = 0, POLICY_MARGIN = 1, POLICY_LEVEL = 2, POLICY_PLENTY = 3 };
int policy_set(uint16_t kind, uint16_t number, uint16_t value);
/* Word of the policy: limit, plenty, margins, levels; 0 behind them. */
uint16_t policy_word(uint16_t at);
int policy_serve(char *text);
#endif

/* A printable command without its '%'; a frame's content, answered in a frame. */
void command_serve(char *text);
void request_serve(const uint8_t *content, uint16_t count);

#endif
