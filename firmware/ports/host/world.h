/* The world outside the device: inputs it offers, answers it has taken. It does not lose power.
 *
 * Inputs are a file of int16 words, model_input_words each; input k has the id k. Answers are a file of fixed-size
 * records: the id (low word first), then every output's words in the order of model_outputs. Bytes are in the host's
 * order.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdint.h>

void world_open(const char *inputs, const char *answers);

/* Inputs there are, and answers taken; the next input wanted has the id world_answered(). */
uint32_t world_inputs(void);
uint32_t world_answered(void);

/* The words of one input. */
const int16_t *world_input(uint32_t id);

/* Takes the answer that model_outputs hold. Taking one a second time is allowed where it is the same. */
void world_take(uint32_t id);

#endif
