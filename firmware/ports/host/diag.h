/* What the firmware notes about itself. It persists, and inference never reads it. */
#ifndef DIAG_H
#define DIAG_H

#include <stdint.h>

/* Counts this boot and returns the count. FRAM must be mapped. */
uint32_t diag_boot(void);

#endif
