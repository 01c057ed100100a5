#include "report.h"

#include <stdio.h>

#include "runtime.h"

/* The layer whose unit a cursor names, or -1. */
static int layer_at(uint16_t cursor)
{
    int layer = -1;
    uint16_t i;

    for (i = 0U; i < model_layer_count && cursor != 0U && cursor <= model_units; i++) {
        if (model_layers[i].first_unit < cursor) {
            layer = i;
        }
    }
    return layer;
}

void report_divergence(const divergence_t *divergence)
{
    printf(
        "{\"kind\": \"%s\", \"write\": %lu, \"cursor\": %u, \"layer\": %d, \"boot_cursor\": %u, \"boot_layer\": %d, ",
        divergence->kind, (unsigned long)divergence->write, (unsigned)divergence->cursor, layer_at(divergence->cursor),
        (unsigned)divergence->boot_cursor, layer_at(divergence->boot_cursor));
    printf("\"input\": %u, \"output\": %u, \"element\": %u, \"expected\": %ld, \"found\": %ld}",
           (unsigned)divergence->input, (unsigned)divergence->output, (unsigned)divergence->element,
           (long)divergence->expected, (long)divergence->found);
}
