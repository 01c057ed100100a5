/* FRAM on a host: the sections "nvm" and "diag" of this process, backed by a file.
 *
 * The program reads persistent objects where the compiler put them; those pages are read-only, and "diag" is not
 * readable at all. The only way to write is fram_write, which goes through a second mapping of the same pages.
 */
#ifndef FRAM_H
#define FRAM_H

#include <stddef.h>
#include <stdint.h>

/* Pages of 64 KB exist on aarch64 only. */
#ifdef __aarch64__
#define FRAM_PAGE 65536U
#else
#define FRAM_PAGE 4096U
#endif
#define FRAM_BEGINS_A_PAGE __attribute__((aligned(FRAM_PAGE), used))

/* Bytes of the image: the persistent pages, and the diagnostic pages behind them. */
size_t fram_persistent_bytes(void);
size_t fram_diag_bytes(void);

/* Writes both sections, as they are in this process, at byte `at` of an open file. Returns 1 where that succeeded. */
int fram_save(int file, size_t at);

/* Maps both sections over the image that starts at byte `at` of an open file. Exits with a message on failure. */
void fram_map(int file, size_t at);

/* 1 where the word is an aligned word of a persistent object. */
int fram_contains(const volatile uint16_t *word);

/* One completed, aligned 16-bit write. Before fram_map it writes the process's own copy. */
void fram_write(volatile uint16_t *word, uint16_t value);

/* The writable view of the persistent pages, word 0 being the first of section "nvm", and of the diagnostic ones. */
uint16_t *fram_words(void);
void *fram_diag(void);

/* What a memory fault at this address means for FRAM, or NULL where it has nothing to do with it. */
const char *fram_fault(const void *address);

/* Makes every such fault end the process with that message and exit code 5. */
void fram_report_faults(void);

#endif
