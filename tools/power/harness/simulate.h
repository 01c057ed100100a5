/* Schedules of failures: random ones over a stream of inputs, and fixed periods. */
#ifndef SIMULATE_H
#define SIMULATE_H

#include <stdint.h>

/* Injects that many random failures, then sweeps periods, and prints the result as one line of JSON. */
void simulate(uint64_t seed, uint32_t failures);

#endif
