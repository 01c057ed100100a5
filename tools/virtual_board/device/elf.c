#include "elf.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 52, SEGMENT = 32, SECTION = 40, SYMBOL = 16, LOADED = 1, SYMBOLS = 2, MSP430 = 105 };

static uint32_t half(const uint8_t *at)
{
    return (uint32_t)(at[0] | at[1] << 8);
}

static uint32_t whole(const uint8_t *at)
{
    return half(at) | half(at + 2) << 16;
}

static uint8_t *whole_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) >= 0) {
        *size = (size_t)ftell(file);
        data = malloc(*size + 1u);
        rewind(file);
        if (data != NULL && fread(data, 1, *size, file) != *size) {
            free(data);
            data = NULL;
        }
    }
    (void)fclose(file);
    return data;
}

/* The linker likes to put the file's own headers into the first segment: they are no part of the program. */
static const char *load_segment(struct machine *m, const uint8_t *file, size_t size, const uint8_t *head,
                                uint32_t headers)
{
    uint32_t offset = whole(head + 4), address = whole(head + 12), count = whole(head + 16);
    if (offset > size || count > size - offset)
        return "the ELF file is truncated: a segment reaches beyond its end";
    for (uint32_t i = offset < headers ? headers - offset : 0; i < count; i++) {
        uint32_t at = address + i;
        if (at >= SPACE || !(m->kind[at >> 1] & KIND_FRAM))
            return "a segment lies outside the FRAM, where a programmer cannot write it";
        m->memory[at] = file[offset + i];
    }
    return NULL;
}

/* The address of a global symbol, or 0. */
static uint32_t find(const uint8_t *file, size_t size, const char *name)
{
    uint32_t table = whole(file + 32), entry = half(file + 46), sections = half(file + 48);
    if (entry < SECTION || table > size || sections > (size - table) / entry)
        return 0;
    for (uint32_t i = 0; i < sections; i++) {
        const uint8_t *head = file + table + i * entry;
        uint32_t link = whole(head + 24), start = whole(head + 16), count = whole(head + 20) / SYMBOL;
        if (whole(head + 4) != SYMBOLS || link >= sections || start > size || count > (size - start) / SYMBOL)
            continue;
        const uint8_t *strings = file + table + link * entry;
        uint32_t names = whole(strings + 16), length = whole(strings + 20);
        if (names > size || length > size - names)
            continue;
        for (uint32_t k = 0; k < count; k++) {
            const uint8_t *symbol = file + start + k * SYMBOL;
            uint32_t at = whole(symbol);
            if (at < length && length - at > strlen(name) && memcmp(file + names + at, name, strlen(name) + 1u) == 0)
                return whole(symbol + 4);
        }
    }
    return 0;
}

static const char *load(struct machine *m, const uint8_t *file, size_t size)
{
    static const uint8_t magic[6] = {0x7F, 'E', 'L', 'F', 1, 1}; /* 32 bits, little-endian */
    if (size < HEADER || memcmp(file, magic, sizeof magic) != 0 || half(file + 18) != MSP430)
        return "this is no ELF file for the MSP430";
    uint32_t table = whole(file + 28), entry = half(file + 42), count = half(file + 44);
    if (entry < SEGMENT || table > size || count > (size - table) / entry)
        return "the ELF file is truncated: its program headers are missing";
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *head = file + table + i * entry;
        if (whole(head) != LOADED || whole(head + 16) == 0)
            continue;
        const char *error = load_segment(m, file, size, head, table + count * entry);
        if (error != NULL)
            return error;
        any = true;
    }
    m->io_hook = find(file, size, "C$$IO$$");
    m->io_buffer = find(file, size, "__CIOBUF__");
    return any ? NULL : "the ELF file has nothing to load";
}

const char *elf_load(struct machine *m, const char *path)
{
    size_t size = 0;
    uint8_t *file = whole_file(path, &size);
    if (file == NULL)
        return "the ELF file cannot be read";
    const char *error = load(m, file, size);
    free(file);
    return error;
}
