/* No protection: every layer in one call, by walks without restart units and without commits (those of other layers
 * have one commit, at their end). After a failure all of it starts again; the cursor only tells a watcher which layer
 * runs.
 */
#include <stddef.h>

#include "restart.h"

void restart_network(void)
{
    uint16_t i;

    for (i = 0U; i < model_layer_count; i++) {
        const layer_t *layer = &model_layers[i];

        if (layer->walk != NULL) {
            layer->walk(layer->params, 0U, layer->items, layer->items);
        } else {
            layer->run(layer->params, 0U, layer->items);
        }
        nvm_commit(&model_progress.cursor, cursor_behind(i));
    }
}
