/* Programs as ELF files. */

#ifndef ELF_H
#define ELF_H

#include "machine.h"

/* Programs the FRAM with a file's segments at their load addresses; a message, or NULL where all went well. */
const char *elf_load(struct machine *m, const char *path);

#endif
