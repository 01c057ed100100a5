#include "dump.h"

#include <stdio.h>

#include "fail.h"
#include "runtime.h"

/* One view a layer, in the order of model_layers: the words it writes, contiguous. A generated model may leave it out.
 */
extern const output_t model_layer_views[] __attribute__((weak));

static FILE *file;

void dump_open(const char *path)
{
    if (model_layer_views == NULL) {
        fail(FAIL_INPUT, "this model was generated without layer views");
    }
    file = fopen(path, "wb");
    if (file == NULL) {
        fail(FAIL_INPUT, "cannot write %s", path);
    }
}

void dump_layer(uint16_t cursor)
{
    uint16_t layer;

    if (file == NULL) {
        return;
    }
    for (layer = 0U; layer < model_layer_count; layer++) {
        const uint16_t end = layer + 1U < model_layer_count ? model_layers[layer + 1U].first_unit : model_units;

        if ((uint16_t)(cursor - 1U) == end) {
            const output_t *view = &model_layer_views[layer];

            fwrite(&layer, sizeof layer, 1U, file);
            fwrite(&view->words, sizeof view->words, 1U, file);
            fwrite(view->data, sizeof *view->data, view->words, file);
        }
    }
}
