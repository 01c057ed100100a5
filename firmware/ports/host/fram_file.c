#define _DEFAULT_SOURCE
#include "fram_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "fram.h"
#include "runtime.h"

/* A multiple of every page size, because the image behind it is mapped. */
#define HEADER_BYTES 65536U
#define MAGIC 0x314D4652U

typedef struct {
    uint32_t magic;
    uint32_t model;
    uint32_t persistent_bytes;
    uint32_t diag_bytes;
} header_t;

/* Set by a generated model.c that knows its own hash; without it the layer table alone tells models apart. */
extern const uint32_t model_hash __attribute__((weak));

static uint32_t mix(uint32_t hash, uint32_t value)
{
    return (hash ^ value) * 16777619U;
}

static uint32_t identity(void)
{
    uint32_t hash = mix(mix(2166136261U, model_units), model_input_words);
    uint16_t i;

    for (i = 0U; i < model_layer_count; i++) {
        hash = mix(mix(hash, model_layers[i].items), model_layers[i].per_unit);
    }
    for (i = 0U; i < model_output_count; i++) {
        hash = mix(hash, model_outputs[i].words);
    }
    return mix(hash, &model_hash != NULL ? model_hash : 0U);
}

static void must(int good, const char *action, const char *path)
{
    if (!good) {
        fail(FAIL_TOOL, "cannot %s %s: %s", action, path, strerror(errno));
    }
}

static void create(const char *path, const header_t *header)
{
    const size_t bytes = HEADER_BYTES + header->persistent_bytes + header->diag_bytes;
    unsigned char *content = calloc(1U, bytes);
    char aside[4096];
    int file;

    must(content != NULL, "allocate the image of", path);
    memcpy(content, header, sizeof *header);
    fram_initial_image(content + HEADER_BYTES);
    snprintf(aside, sizeof aside, "%s.new", path);
    file = open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    must(file >= 0, "create", aside);
    must(write(file, content, bytes) == (ssize_t)bytes, "write", aside);
    close(file);
    must(rename(aside, path) == 0, "create", path);
    free(content);
}

void fram_file_open(const char *path)
{
    header_t ours;
    header_t found;
    int file;

    ours.magic = MAGIC;
    ours.model = identity();
    ours.persistent_bytes = (uint32_t)fram_persistent_bytes();
    ours.diag_bytes = (uint32_t)fram_diag_bytes();
    if (access(path, F_OK) != 0) {
        create(path, &ours);
    }
    file = open(path, O_RDWR);
    must(file >= 0, "open", path);
    memset(&found, 0, sizeof found);
    if (read(file, &found, sizeof found) != (ssize_t)sizeof found || memcmp(&found, &ours, sizeof ours) != 0 ||
        lseek(file, 0, SEEK_END) != (off_t)(HEADER_BYTES + ours.persistent_bytes + ours.diag_bytes)) {
        fail(FAIL_INPUT, "%s is not the FRAM of this model; remove it, or build the model it was written by", path);
    }
    fram_map(file, HEADER_BYTES);
    close(file);
}
