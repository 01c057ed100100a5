/* The address space as a file, so that FRAM outlives this process. */

#ifndef IMAGE_H
#define IMAGE_H

#include "machine.h"

/* Maps a file that may not exist yet, or private memory where path is NULL. The device's name has to be the one that
 * made the file. A message, or NULL where all went well. */
const char *image_open(struct machine *m, const char *path, const char *device);

#endif
