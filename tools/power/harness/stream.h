/* The world outside: a stream of inputs with the answers that are right, and how many answers have been taken.
 * It keeps its state through power failures; that state is one number, the input wanted next. */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Reads both files (int16 words; per input all outputs one after the other). The stream repeats after its end. */
void stream_open(const char *inputs, const char *expected);
uint16_t stream_length(void);

/* How many answers to an input are right: one, or one for each exit that the supply may make the device take. */
uint16_t stream_choices(void);

uint16_t stream_wanted(void);
void stream_set_wanted(uint16_t wanted);

/* From one id to the next one word changes, low and high in turn: an id that is half old and half new is one of both,
 * so that a device which exposes it too early answers for the wrong input. */
uint32_t stream_id(uint16_t number);
const int16_t *stream_input(uint16_t number);

/* Looks at what is published, as an observer does after every FRAM write; reports a divergence where an answer is
 * wrong or belongs to an input that was never offered. Returns 1 where an answer is published. */
int stream_observe(void);

/* Takes the answer that is published. Returns 1 where it was the one wanted, 0 where it had been taken before. */
int stream_take(uint32_t id);

#endif
