/* A first run without any failure, from a cold start. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

#define MEASURED_ANSWERS 64U

typedef struct {
    uint32_t start;    /* snapshot of FRAM at the cold start */
    uint32_t distinct; /* events that changed FRAM or the world, at most */
    uint32_t largest_call;
    uint32_t longest; /* most writes of one inference */
    uint32_t answers;
    uint32_t writes[MEASURED_ANSWERS]; /* FRAM writes of each inference, delivery to acknowledgement */
    int diverged;
} measure_t;

extern measure_t measured;

/* Measures, and leaves the machine as it was. */
void measure(void);

/* Back to the cold start. */
void measure_rewind(void);

/* The result as members of the JSON object that is open. */
void measure_report(void);

#endif
