#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "image.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAILER 64u
#define MAGIC "sparsecomp FRAM image 1\n"

/* Behind the memory: what this is, and of which device. */
static void describe(char trailer[TRAILER], const char *device)
{
    memset(trailer, 0, TRAILER);
    (void)snprintf(trailer, TRAILER, "%s%s", MAGIC, device);
}

static const char *create(int file, const char *device)
{
    char trailer[TRAILER];
    describe(trailer, device);
    if (ftruncate(file, (off_t)SPACE) != 0 || pwrite(file, trailer, TRAILER, (off_t)SPACE) != (ssize_t)TRAILER)
        return "the FRAM image cannot be written";
    return NULL;
}

static const char *check(int file, const char *device)
{
    char expected[TRAILER], found[TRAILER];
    describe(expected, device);
    if (pread(file, found, TRAILER, (off_t)SPACE) != (ssize_t)TRAILER || memcmp(found, MAGIC, strlen(MAGIC)) != 0)
        return "this is no FRAM image, or it is damaged";
    return memcmp(found, expected, TRAILER) == 0 ? NULL : "the FRAM image is another device's";
}

/* What no programmer has written reads as ones. */
static void erase(struct machine *m)
{
    for (uint32_t word = 0; word < SPACE / 2u; word++) {
        if (m->kind[word] & KIND_FRAM)
            memset(m->memory + 2u * word, 0xFF, 2);
    }
}

const char *image_open(struct machine *m, const char *path, const char *device)
{
    int file = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    bool fresh = true;
    if (path != NULL) {
        struct stat status;
        file = open(path, O_RDWR | O_CREAT, 0666);
        if (file < 0 || fstat(file, &status) != 0)
            return "the FRAM image cannot be opened";
        fresh = status.st_size == 0;
        const char *error = fresh ? create(file, device) : check(file, device);
        if (error != NULL)
            return error;
        flags = MAP_SHARED;
    }
    m->memory = mmap(NULL, SPACE, PROT_READ | PROT_WRITE, flags, file, 0);
    if (file >= 0)
        (void)close(file);
    if (m->memory == MAP_FAILED)
        return "there is no memory for the device's";
    if (fresh)
        erase(m);
    return NULL;
}
