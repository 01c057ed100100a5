/* Tasks of RESTART_TILE outputs: our walks, with every store and the commit through Alpaca's redo log. This is the
 * method at its best, since sums never leave the multiplier's registers.
 */
#include "redo.h"
#include "restart.h"

extern volatile uint16_t tiled_item;

uint16_t tiled_cursor; /* where the cursor goes behind the layer that runs */

void restart_network(void)
{
    redo_prologue();
    while (!restart_is_done()) {
        const uint16_t index = restart_layer();
        const layer_t *layer = &model_layers[index];

        if (restart_kinds[index] == OTHER) {
            (void)model_step();
        } else {
            tiled_cursor = cursor_behind(index);
            layer->walk(layer->params, tiled_item, layer->items, RESTART_TILE);
        }
    }
}
