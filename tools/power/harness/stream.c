#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "machine.h"
#include "runtime.h"
#include "sram.h"

typedef struct {
    int16_t *inputs;
    int16_t *expected;
    size_t answer_words;
    size_t choices;
    uint16_t length;
    uint16_t wanted;
} stream_t;

static stream_t stream KEEP = {0};

static int16_t *read_all(const char *path, size_t *words)
{
    FILE *file = fopen(path, "rb");
    int16_t *content;
    long bytes = 0;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (bytes = ftell(file)) < 0) {
        fail(FAIL_TOOL, "cannot read %s", path);
    }
    rewind(file);
    content = malloc((size_t)bytes + 1U);
    if (content == NULL || fread(content, 1U, (size_t)bytes, file) != (size_t)bytes) {
        fail(FAIL_TOOL, "cannot read %s", path);
    }
    fclose(file);
    *words = (size_t)bytes / sizeof *content;
    return content;
}

void stream_open(const char *inputs, const char *expected)
{
    size_t words;
    uint16_t i;

    stream.inputs = read_all(inputs, &words);
    stream.length = (uint16_t)(words / model_input_words);
    if (words == 0U || (size_t)stream.length * model_input_words != words) {
        fail(FAIL_INPUT, "the inputs are %lu words; this model takes %u each", (unsigned long)words,
             (unsigned)model_input_words);
    }
    for (i = 0U; i < model_output_count; i++) {
        stream.answer_words += model_outputs[i].words;
    }
    stream.expected = read_all(expected, &words);
    stream.choices = words / (stream.answer_words * stream.length);
    if (words == 0U || words != stream.answer_words * stream.length * stream.choices) {
        fail(FAIL_INPUT, "the expected answers are %lu words; this model gives %lu to each of %u inputs",
             (unsigned long)words, (unsigned long)stream.answer_words, (unsigned)stream.length);
    }
}

uint16_t stream_length(void)
{
    return stream.length;
}

uint16_t stream_choices(void)
{
    return (uint16_t)stream.choices;
}

uint16_t stream_wanted(void)
{
    return stream.wanted;
}

void stream_set_wanted(uint16_t wanted)
{
    stream.wanted = wanted;
}

uint32_t stream_id(uint16_t number)
{
    return (number / 2U) << 16 | ((number + 1U) / 2U + 1U);
}

const int16_t *stream_input(uint16_t number)
{
    return stream.inputs + (size_t)(number % stream.length) * model_input_words;
}

static int is_answer(const int16_t *right)
{
    uint16_t output;

    for (output = 0U; output < model_output_count; output++) {
        if (memcmp(model_outputs[output].data, right, model_outputs[output].words * sizeof *right) != 0) {
            return 0;
        }
        right += model_outputs[output].words;
    }
    return 1;
}

int stream_observe(void)
{
    const int16_t *right;
    uint32_t id;
    uint16_t number;
    uint16_t output;
    size_t choice;

    if (!model_done(&id)) {
        return 0;
    }
    number = (uint16_t)((id & 0xFFFFU) - 1U + (id >> 16));
    if (stream_id(number) != id || number > stream.wanted) {
        machine_diverged("an answer to an input that was not offered", (int32_t)id);
    }
    right = stream.expected + (size_t)(number % stream.length) * stream.answer_words * stream.choices;
    for (choice = 0U; choice < stream.choices; choice++) {
        if (is_answer(right + choice * stream.answer_words)) {
            return 1;
        }
    }
    for (output = 0U; output < model_output_count; output++) {
        uint16_t i;

        for (i = 0U; i < model_outputs[output].words; i++) {
            if (model_outputs[output].data[i] != right[i]) {
                machine_wrong_answer(number, output, i, right[i], model_outputs[output].data[i]);
            }
        }
        right += model_outputs[output].words;
    }
    return 1;
}

int stream_take(uint32_t id)
{
    if (id != stream_id(stream.wanted)) {
        return 0;
    }
    stream.wanted++;
    return 1;
}
