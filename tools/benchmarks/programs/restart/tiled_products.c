/* Tasks of at most RESTART_TILE products, as tiled Alpaca programs have them ("Tile-k" where SONIC's paper, ASPLOS
 * 2019, compares itself): our implementation of the published method. A task takes the loops' variables and the sum so
 * far from FRAM, computes its products in the multiplier's registers and commits sum, variables and a finished output
 * through the redo log.
 */
#include "mac.h"
#include "redo.h"
#include "restart.h"

/* The products of one call within a run of consecutive taps (0: one by one), and those of a task. */
typedef struct {
    uint16_t run;
    uint16_t tile;
} tile_t;

extern const tile_t restart_tiles[];

/* Task-shared words; those from VALUE on have only a private copy here. Sums take two words. */
enum {
    ROW,
    COLUMN,
    CHANNEL,
    POOL_ROW,
    POOL_COLUMN,
    TAP,
    SUM,
    BEST = SUM + 2,
    SHARED = BEST + 2,
    VALUE = SHARED,
    CURSOR
};

extern volatile uint16_t tiled_shared[];
extern volatile uint16_t tiled_private[];

static inline void set(uint16_t which, uint16_t value)
{
    tiled_private[which] = value;
    redo_log(&tiled_private[which], &tiled_shared[which], 1U);
}

static inline void set_wide(uint16_t which, int32_t value)
{
    const sum_t sum = {value};

    tiled_private[which] = sum.half[0];
    tiled_private[which + 1U] = sum.half[1];
    redo_log(&tiled_private[which], &tiled_shared[which], 2U);
}

static inline int32_t wide(uint16_t which)
{
    sum_t sum;

    sum.half[0] = tiled_shared[which];
    sum.half[1] = tiled_shared[which + 1U];
    return sum.value;
}

/* The larger of the sum and the best one before it; whether the pool has further windows. */
static inline int pooled(const mac_t *mac, int32_t *sum)
{
    const uint16_t row = tiled_shared[POOL_ROW];
    const uint16_t column = tiled_shared[POOL_COLUMN];

    if ((row | column) != 0U && wide(BEST) > *sum) {
        *sum = wide(BEST);
    }
    if (column + 1U < mac->pool_columns) {
        set(POOL_COLUMN, (uint16_t)(column + 1U));
        return 1;
    }
    if (column != 0U) {
        set(POOL_COLUMN, 0U);
    }
    if (row + 1U < mac->pool_rows) {
        set(POOL_ROW, (uint16_t)(row + 1U));
        return 1;
    }
    if (row != 0U) {
        set(POOL_ROW, 0U);
    }
    return 0;
}

/* Logs the output of the sum in the multiplier, and the loops' next variables. Returns 1 at the layer's last one. */
static inline int output(const mac_t *mac, const weights_t *w, uint16_t index)
{
    const uint16_t row = tiled_shared[ROW];
    const uint16_t column = tiled_shared[COLUMN];
    const uint16_t channel = tiled_shared[CHANNEL];
    element_t *to;

    tiled_private[VALUE] = (uint16_t)restart_finish(mac, multiplier_of(mac, channel));
    to = mac->output.origin + times(row, mac->output.pitch) + times(column, mac->output.channels) + channel;
    redo_log(&tiled_private[VALUE], (volatile uint16_t *)to, 1U);
    if (channel + 1U < mac->output.channels) {
        set(CHANNEL, (uint16_t)(channel + 1U));
        return 0;
    }
    set(CHANNEL, 0U);
    if (column + 1U < mac->output.width) {
        set(COLUMN, (uint16_t)(column + 1U));
        return 0;
    }
    set(COLUMN, 0U);
    if (row + 1U < w->height) {
        set(ROW, (uint16_t)(row + 1U));
        return 0;
    }
    set(ROW, 0U);
    tiled_private[CURSOR] = cursor_behind(index);
    redo_log(&tiled_private[CURSOR], &model_progress.cursor, 1U);
    return 1;
}

/* Returns 1 where the layer is complete. */
static int task(const mac_t *mac, const weights_t *w, const tile_t *size, uint16_t index)
{
    const uint16_t channel = tiled_shared[CHANNEL];
    const uint16_t tap = tiled_shared[TAP];
    const uint16_t first = (uint16_t)(w->rows[channel] + tap);
    const uint16_t left = (uint16_t)(w->rows[channel + 1U] - first);
    const uint16_t count = left < size->tile ? left : size->tile;
    const element_t *window =
        mac->input + times(tiled_shared[ROW], mac->row_step) + times(tiled_shared[COLUMN], mac->column_step);
    int32_t sum;
    int last = 0;

    if (mac->group_size == 1U) {
        window += times(channel, mac->group_step);
    }
    if ((mac->pool_rows | mac->pool_columns) != 1U) {
        window +=
            times(tiled_shared[POOL_ROW], mac->pool_row_step) + times(tiled_shared[POOL_COLUMN], mac->pool_column_step);
    }
    put_sum(tap == 0U ? w->bias[channel] : wide(SUM));
    if (size->run == 0U) {
        if (count != 0U) {
            const int has_own = w->kind == SPARSE_MAP || w->kind == SPARSE_LINE;
            products_sparse(w->weights + first, w->offsets + (has_own ? first : tap), window, count);
        }
    } else {
        uint16_t done;
        for (done = 0U; done < count; done = (uint16_t)(done + size->run)) {
            products_dense(w->weights + first + done, further(window, w->offsets[tap + done]), size->run);
        }
    }
    sum = get_sum();
    if (count != left) {
        set_wide(SUM, sum);
        set(TAP, (uint16_t)(tap + count));
    } else {
        if (tap != 0U) {
            set(TAP, 0U);
        }
        if (pooled(mac, &sum) != 0) {
            set_wide(BEST, sum);
        } else {
            put_sum(sum);
            last = output(mac, w, index);
        }
    }
    redo_commit(0U);
    return last;
}

void restart_network(void)
{
    MPY32CTL0 = 0U;
    redo_prologue();
    while (!restart_is_done()) {
        const uint16_t index = restart_layer();

        if (restart_kinds[index] == OTHER) {
            (void)model_step();
        } else {
            while (task(model_layers[index].params, &restart_weights[index], &restart_tiles[index], index) == 0) {
            }
        }
    }
}
