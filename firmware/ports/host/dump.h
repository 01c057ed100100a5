/* Every layer's output for validation, from models generated with a table of views. */
#ifndef DUMP_H
#define DUMP_H

#include <stdint.h>

/* Opens the file; exits with a message where the model has no views. */
void dump_open(const char *path);

/* To be called after each unit, with the cursor as it is then: where a layer has just been completed, appends its
 * index and number of words (two uint16_t), then its words. Does nothing without a file. */
void dump_layer(uint16_t cursor);

#endif
