/* This project's own runtime: restart units whose commit is one word, in passing. */
#include "restart.h"

void restart_network(void)
{
    while (model_step() != 0) {
    }
}
