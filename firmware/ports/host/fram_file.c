#define _DEFAULT_SOURCE
#include "fram_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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
    uint32_t model; /* its hash */
    uint32_t units;
    uint32_t input_words;
    uint32_t persistent_bytes;
    uint32_t diag_bytes;
} header_t;

/* Set by a generated model.c that knows its own hash; without it, sizes alone tell models apart. */
extern const uint32_t model_hash __attribute__((weak));

static void must(int good, const char *action, const char *path)
{
    if (!good) {
        fail(FAIL_TOOL, "cannot %s %s: %s", action, path, strerror(errno));
    }
}

static void create(const char *path, const header_t *header)
{
    char aside[PATH_MAX];
    int file;

    snprintf(aside, sizeof aside, "%s.new", path);
    file = open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    must(file >= 0, "create", aside);
    must(write(file, header, sizeof *header) == (ssize_t)sizeof *header && fram_save(file, HEADER_BYTES), "write",
         aside);
    close(file);
    must(rename(aside, path) == 0, "create", path);
}

void fram_file_open(const char *path)
{
    const header_t ours = {MAGIC,
                           &model_hash != NULL ? model_hash : model_units,
                           model_units,
                           model_input_words,
                           (uint32_t)fram_persistent_bytes(),
                           (uint32_t)fram_diag_bytes()};
    header_t found;
    int file;

    if (access(path, F_OK) != 0) {
        create(path, &ours);
    }
    file = open(path, O_RDWR);
    must(file >= 0, "open", path);
    if (read(file, &found, sizeof found) != (ssize_t)sizeof found || memcmp(&found, &ours, sizeof ours) != 0 ||
        lseek(file, 0, SEEK_END) != (off_t)(HEADER_BYTES + ours.persistent_bytes + ours.diag_bytes)) {
        fail(FAIL_INPUT, "%s is not the FRAM of this model; remove it, or build the model it was written by", path);
    }
    fram_map(file, HEADER_BYTES);
    close(file);
    fram_report_faults();
}
