; What the tasks of tiled_products.c share: its enum names the words.

#include "redo_macros.S"

    NONVOLATILE tiled_shared, 20
    NONVOLATILE tiled_private, 24       ; ... and a value, and the cursor
