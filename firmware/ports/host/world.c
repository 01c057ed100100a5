#define _DEFAULT_SOURCE
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "runtime.h"

static int input_file;
static int answer_file;
static size_t record_bytes;
static int16_t *input;
static unsigned char *record;
static unsigned char *earlier;

static size_t input_bytes(void)
{
    return (size_t)model_input_words * sizeof *input;
}

static void read_at(int file, void *bytes, size_t count, size_t index)
{
    if (pread(file, bytes, count, (off_t)(index * count)) != (ssize_t)count) {
        fail(FAIL_TOOL, "cannot read record %lu of the inputs or answers", (unsigned long)index);
    }
}

static int open_file(const char *path, int flags)
{
    const int file = open(path, flags, 0666);

    if (file < 0) {
        fail(FAIL_INPUT, "cannot open %s: %s", path, strerror(errno));
    }
    return file;
}

static size_t size_of(int file)
{
    return (size_t)lseek(file, 0, SEEK_END);
}

static void *room(size_t bytes)
{
    void *memory = malloc(bytes);

    if (memory == NULL) {
        fail(FAIL_TOOL, "no memory for one input and two answers");
    }
    return memory;
}

void world_open(const char *inputs, const char *answers)
{
    uint16_t i;

    record_bytes = sizeof(uint32_t);
    for (i = 0U; i < model_output_count; i++) {
        record_bytes += (size_t)model_outputs[i].words * sizeof(int16_t);
    }
    input_file = open_file(inputs, O_RDONLY);
    answer_file = open_file(answers, O_RDWR | O_CREAT | O_APPEND);
    if (size_of(input_file) % input_bytes() != 0U) {
        fail(FAIL_INPUT, "%s is not made of inputs of %u words", inputs, (unsigned)model_input_words);
    }
    input = room(input_bytes());
    record = room(record_bytes);
    earlier = room(record_bytes);
    /* A kill inside write() can leave a part of a record: that answer was never taken. */
    if (size_of(answer_file) % record_bytes != 0U &&
        ftruncate(answer_file, (off_t)(world_answered() * record_bytes)) != 0) {
        fail(FAIL_TOOL, "cannot resume %s: %s", answers, strerror(errno));
    }
}

uint32_t world_inputs(void)
{
    return (uint32_t)(size_of(input_file) / input_bytes());
}

uint32_t world_answered(void)
{
    return (uint32_t)(size_of(answer_file) / record_bytes);
}

const int16_t *world_input(uint32_t id)
{
    read_at(input_file, input, input_bytes(), id);
    return input;
}

static void gather(uint32_t id)
{
    unsigned char *to = record;
    uint16_t i;

    memcpy(to, &id, sizeof id);
    to += sizeof id;
    for (i = 0U; i < model_output_count; i++) {
        const size_t bytes = (size_t)model_outputs[i].words * sizeof(int16_t);

        memcpy(to, model_outputs[i].data, bytes);
        to += bytes;
    }
}

void world_take(uint32_t id)
{
    gather(id);
    if (id < world_answered()) {
        read_at(answer_file, earlier, record_bytes, id);
        if (memcmp(earlier, record, record_bytes) != 0) {
            fail(FAIL_MISMATCH, "a second, different answer to input %lu", (unsigned long)id);
        }
    } else if (id != world_answered()) {
        fail(FAIL_MISMATCH, "an answer to input %lu, which was not offered", (unsigned long)id);
    } else if (write(answer_file, record, record_bytes) != (ssize_t)record_bytes) {
        fail(FAIL_TOOL, "cannot append an answer: %s", strerror(errno));
    }
}
