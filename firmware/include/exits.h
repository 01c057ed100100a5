/* An early exit: scores, one a class, from which the inference may end with its answer. */
#ifndef EXITS_H
#define EXITS_H

#include "kernels.h"

typedef struct {
    const element_t *scores;
    element_t *answer;
    element_t *exit; /* which exit gave the answer */
    uint16_t classes;
    uint16_t number; /* of this exit, from 0 */
} exit_t;

/* 1 where the inference ends at this exit: answer and exit are then written, to be exposed by the commit that ends it.
 * 0 where it goes on. The policy is in model_progress (runtime.h).
 */
int kernel_exit(const void *params);

#endif
