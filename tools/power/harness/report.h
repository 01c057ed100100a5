/* A divergence as JSON on standard output. */
#ifndef REPORT_H
#define REPORT_H

#include "machine.h"

/* The object. */
void report_divergence(const divergence_t *divergence);

#endif
