; What the passes' tasks share, with a private copy of each word (sonic.c names them), and the two planes of 32-bit sums.

#include "redo_macros.S"

    NONVOLATILE sonic_shared, 6
    NONVOLATILE sonic_private, 10       ; ... and i, and the cursor
    NONVOLATILE sonic_planes, 8 * RESTART_CELLS
