#include "setup.h"

#include <stdlib.h>
#include <string.h>

#include "elf.h"
#include "fail.h"
#include "image.h"
#include "io.h"
#include "memory.h"

struct setup setup;

static const char *inputs_path, *expected_path;

static struct range range_of(const char *text)
{
    unsigned start, size;
    if (sscanf(text, "%x:%x", &start, &size) != 2 || start >= SPACE || size > SPACE - start)
        fail(FAIL_TOOL, "no range of memory: %s", text);
    return (struct range){start, size};
}

/* kind:start:size, the numbers hexadecimal */
static void add_region(struct machine *m, const char *text)
{
    uint8_t kind = strncmp(text, "fram:", 5) == 0 ? KIND_FRAM : strncmp(text, "ram:", 4) == 0 ? KIND_RAM : KIND_ROM;
    const char *rest = strchr(text, ':');
    struct range range = range_of(rest == NULL ? "" : rest + 1);
    if (!map_region(m, range.start, range.size, kind))
        fail(FAIL_TOOL, "regions overlap: %s", text);
}

static bool set_range(const char *name, const char *value)
{
    const struct {
        const char *name;
        struct ranges *target;
    } ranges[] = {
        {"state", &setup.state},     {"arena", &setup.arenas},   {"forbidden", &setup.forbidden},
        {"statics", &setup.statics}, {"output", &setup.outputs},
    };
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (strcmp(name, ranges[i].name) != 0)
            continue;
        if (ranges[i].target->count == RANGES)
            fail(FAIL_INPUT, "more than %u pieces of memory called %s", RANGES, name);
        ranges[i].target->at[ranges[i].target->count++] = range_of(value);
        return true;
    }
    if (strcmp(name, "input") == 0)
        setup.input = range_of(value);
    return strcmp(name, "input") == 0;
}

/* Blocks that a program may use between two commits. What they hold does not tell two states apart, so nothing of it
 * may outlive a commit; a timer or a serial line would, and is not there.
 */
static bool set_block(struct machine *m, const char *name, const char *value)
{
    if (strcmp(name, "wdt_vector") == 0)
        m->watchdog.vector = (unsigned)strtoul(value, NULL, 0) & 63u;
    else if (strcmp(name, "mpu") == 0)
        m->mpu.present = *value != '0';
    else if (strcmp(name, "write_protection") == 0)
        m->controller.protects = *value != '0';
    else if (strcmp(name, "lea") == 0)
        return lea_option(m, value);
    else if (strcmp(name, "dma") == 0)
        return sscanf(value, "%x:%x", &m->dma.channels, &m->dma.vector) == 2;
    else
        return false;
    return true;
}

static bool set_number(const char *name, uint64_t value)
{
    const struct {
        const char *name;
        uint64_t *target;
    } numbers[] = {
        {"seed", &setup.seed},     {"max_states", &setup.max_states}, {"patience", &setup.patience},
        {"stride", &setup.stride}, {"schedules", &setup.schedules},   {"done", &setup.done},
    };
    const struct {
        const char *name;
        uint32_t *target;
    } addresses[] = {{"progress", &setup.progress}, {"taken", &setup.taken}, {"stack", &setup.stack}};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) != 0)
            continue;
        *numbers[i].target = value;
        return true;
    }
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        if (strcmp(name, addresses[i].name) != 0)
            continue;
        *addresses[i].target = (uint32_t)value;
        return true;
    }
    return false;
}

static uint8_t *whole_file(const char *path, uint32_t *size)
{
    FILE *file = path == NULL ? NULL : fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail(FAIL_TOOL, "cannot read %s", path == NULL ? "a file that is not named" : path);
    *size = (uint32_t)ftell(file);
    uint8_t *data = malloc((size_t)*size + 1u);
    rewind(file);
    if (data == NULL || fread(data, 1, *size, file) != *size)
        fail(FAIL_TOOL, "cannot read %s", path);
    (void)fclose(file);
    return data;
}

static void read_stream(void)
{
    uint32_t size;
    for (unsigned i = 0; i < setup.outputs.count; i++)
        setup.answer_bytes += setup.outputs.at[i].size;
    setup.inputs = whole_file(inputs_path, &size);
    setup.count = setup.input.size == 0 ? 0 : size / setup.input.size;
    if (setup.count == 0 || setup.count * setup.input.size != size)
        fail(FAIL_INPUT, "the inputs are %u words; this model takes %u each", size / 2u, setup.input.size / 2u);
    setup.expected = whole_file(expected_path, &size);
    if (setup.count * setup.answer_bytes != size)
        fail(FAIL_INPUT, "the expected answers are %u words; this model gives %u to each of %u inputs", size / 2u,
             setup.answer_bytes / 2u, setup.count);
}

static void make_device(struct machine *m)
{
    m->kind = calloc(SPACE / 2u, 1);
    m->code = calloc(SPACE / 2u, sizeof *m->code);
    if (m->kind == NULL || m->code == NULL)
        fail(FAIL_TOOL, "there is no memory for the device's");
    m->cycle_limit = m->instruction_limit = NEVER;
    failures_arm(m); /* none; the explorer's own are the ends of runs */
    m->output = stderr;
    m->wire.in = m->wire.out = -1;
}

/* A read of diagnostic words stops the run as one of memory that is not there. */
static void forbid(struct machine *m)
{
    for (unsigned i = 0; i < setup.forbidden.count; i++) {
        const struct range *range = &setup.forbidden.at[i];
        memset(m->kind + (range->start >> 1), 0, range->size >> 1);
    }
}

void setup_read(struct machine *m, int count, char **arguments)
{
    make_device(m);
    for (int i = 1; i < count; i++) {
        char *value = strchr(arguments[i], '=');
        if (value == NULL)
            fail(FAIL_TOOL, "no option: %s", arguments[i]);
        *value++ = '\0';
        const char **text = strcmp(arguments[i], "elf") == 0        ? &setup.elf
                            : strcmp(arguments[i], "inputs") == 0   ? &inputs_path
                            : strcmp(arguments[i], "expected") == 0 ? &expected_path
                                                                    : NULL;
        if (text != NULL)
            *text = value;
        else if (strcmp(arguments[i], "region") == 0)
            add_region(m, value);
        else if (!set_range(arguments[i], value) && !set_block(m, arguments[i], value) &&
                 !set_number(arguments[i], strtoull(value, NULL, 0)))
            fail(FAIL_TOOL, "no option: %s", arguments[i]);
    }
    if (!io_map(m))
        fail(FAIL_TOOL, "memory and peripherals overlap");
    const char *error = image_open(m, NULL, "");
    if (error == NULL)
        error = elf_load(m, setup.elf);
    if (error != NULL)
        fail(FAIL_INPUT, "%s", error);
    forbid(m);
    read_stream();
}
