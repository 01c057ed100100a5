/* Layers weight by weight: each weight is one pass over all cells of its filter and a task of its own; behind the last
 * one, sums are pooled, requantized and stored, again by loop continuation. Sparse lines go row by row under an undo
 * log.
 */
#include "sonic.h"
#include "mac.h"
#include "redo.h"
#include "restart.h"

enum { PASS, FINISH }; /* tasks */

/* Task-shared words; the last two belong elsewhere and have only a private copy here. */
enum { FILTER, WEIGHT, PLANE, SHARED, LOOP_I = SHARED, CURSOR };

extern volatile uint16_t sonic_i; /* the loops' variables */
extern volatile uint16_t sonic_j;
extern volatile uint16_t sonic_shared[];
extern volatile uint16_t sonic_private[];
extern uint32_t sonic_planes[2][RESTART_CELLS];

static void set(uint16_t which, volatile uint16_t *to, uint16_t value)
{
    sonic_private[which] = value;
    redo_log(&sonic_private[which], to, 1U);
}

static inline void share(uint16_t which, uint16_t value)
{
    set(which, &sonic_shared[which], value);
}

/* The inner loop may have ended without its two writes. */
static inline void end_row(uint16_t columns)
{
    if (sonic_j == columns) {
        nvm_commit(&sonic_j, 0U);
        nvm_commit(&sonic_i, (uint16_t)(sonic_i + 1U));
    }
}

/* Where the pass that was begun goes on. Returns 0 where nothing of it is left. */
static inline uint16_t place(pass_t *pass, uint16_t rows, uint16_t columns)
{
    const uint16_t plane = sonic_shared[PLANE];
    uint16_t cell;

    end_row(columns);
    cell = (uint16_t)(times(sonic_i, columns) + sonic_j);
    pass->source = sonic_planes[plane] + cell;
    pass->target = sonic_planes[plane ^ 1U] + cell;
    pass->rows = (uint16_t)(rows - sonic_i);
    pass->columns = columns;
    pass->columns_left = (uint16_t)(columns - sonic_j);
    return pass->rows;
}

static void pass_of_map(const mac_t *mac, const weights_t *w)
{
    const uint16_t filter = sonic_shared[FILTER];
    const uint16_t weight = sonic_shared[WEIGHT];
    const uint16_t at = (uint16_t)(w->rows[filter] + weight);
    const element_t *window = mac->input;
    pass_t pass;

    if (place(&pass, w->cell_rows, w->cell_columns) == 0U) {
        return;
    }
    if (mac->group_size == 1U) {
        window += times(filter, mac->group_step);
    }
    window += times(sonic_i, w->cell_row_step) + times(sonic_j, w->cell_column_step);
    pass.factor = further(window, w->offsets[w->kind == SPARSE_MAP ? at : weight]);
    pass.factor_step = 2UL * w->cell_column_step;
    pass.row_gap = 2UL * w->cell_row_step - 2UL * times(w->cell_columns, w->cell_column_step);
    pass.fixed = w->weights[at];
    if (weight == 0U) {
        sonic_pass_first(&pass);
    } else {
        sonic_pass_more(&pass);
    }
}

static void pass_of_line(const mac_t *mac, const weights_t *w)
{
    const uint16_t tap = sonic_shared[WEIGHT];
    pass_t pass;

    if (place(&pass, 1U, w->filters) == 0U) {
        return;
    }
    pass.factor = w->weights + times(sonic_j, w->taps) + tap;
    pass.factor_step = w->taps;
    pass.row_gap = 0UL;
    pass.fixed = *further(mac->input, w->offsets[tap]);
    if (tap == 0U) {
        sonic_pass_first_line(&pass);
    } else {
        sonic_pass_more_line(&pass);
    }
}

static void rows_of_line(const mac_t *mac, const weights_t *w)
{
    undo_t rows;

    if (sonic_i == w->filters) {
        return;
    }
    rows.weights = w->weights + (uint16_t)(w->rows[sonic_i] + sonic_j);
    rows.offsets = w->offsets + (uint16_t)(w->rows[sonic_i] + sonic_j);
    rows.window = mac->input;
    rows.rows = w->rows + sonic_i;
    rows.target = sonic_planes[0] + sonic_i;
    rows.left = (uint16_t)(w->filters - sonic_i);
    sonic_undo(&rows);
}

/* The largest sum of the pool whose first cell is given. */
static inline int32_t largest(const mac_t *mac, const uint32_t *cell, uint16_t columns)
{
    int32_t best = (int32_t)*cell;
    uint16_t y;

    for (y = 0U; y < mac->pool_rows; y++) {
        uint16_t x;
        for (x = 0U; x < mac->pool_columns; x++) {
            if ((int32_t)cell[x] > best) {
                best = (int32_t)cell[x];
            }
        }
        cell += columns;
    }
    return best;
}

/* Stores the outputs of the filter whose passes are complete. */
static void finish_map(const mac_t *mac, const weights_t *w)
{
    const uint16_t filter = sonic_shared[FILTER];
    const int is_empty = w->rows[filter] == w->rows[filter + 1U];
    const uint32_t *plane = sonic_planes[sonic_shared[PLANE]];
    const int32_t bias = w->bias[filter];
    const uint16_t *multiplier = multiplier_of(mac, filter);
    const uint16_t below = times(mac->pool_rows, w->cell_columns);

    end_row(mac->output.width);
    while (sonic_i < w->height) {
        const uint32_t *cell = plane + times(sonic_i, below) + times(sonic_j, mac->pool_columns);
        element_t *to =
            mac->output.origin + times(sonic_i, mac->output.pitch) + times(sonic_j, mac->output.channels) + filter;
        uint16_t column = sonic_j;

        for (; column < mac->output.width; column++) {
            put_sum(is_empty ? bias : bias + largest(mac, cell, w->cell_columns));
            nvm_put(to, restart_finish(mac, multiplier));
            nvm_commit(&sonic_j, (uint16_t)(column + 1U));
            cell += mac->pool_columns;
            to += mac->output.channels;
        }
        end_row(mac->output.width);
    }
}

static void finish_line(const mac_t *mac, const weights_t *w)
{
    const uint32_t *plane = sonic_planes[sonic_shared[PLANE]];
    uint16_t filter = sonic_j;

    for (; filter < w->filters; filter++) {
        put_sum(w->bias[filter] + (int32_t)plane[filter]);
        nvm_put(mac->output.origin + filter, restart_finish(mac, multiplier_of(mac, filter)));
        nvm_commit(&sonic_j, (uint16_t)(filter + 1U));
    }
}

/* Behind a pass: the next weight, on the planes the other way round. */
static void next_weight(const weights_t *w)
{
    const uint16_t filter = sonic_shared[FILTER];
    const uint16_t weight = (uint16_t)(sonic_shared[WEIGHT] + 1U);
    const uint16_t count = w->kind == DENSE_LINE ? w->taps : (uint16_t)(w->rows[filter + 1U] - w->rows[filter]);

    share(WEIGHT, weight);
    share(PLANE, sonic_shared[PLANE] ^ 1U);
    set(LOOP_I, &sonic_i, 0U);
    redo_commit(weight < count ? PASS : FINISH);
}

/* Behind the outputs of a filter, or of a line: the next filter, or the layer that the cursor is to name. */
static void next_filter(const weights_t *w, uint16_t cursor)
{
    const uint16_t filter = (uint16_t)(sonic_shared[FILTER] + 1U);
    const int is_line = w->kind == DENSE_LINE || w->kind == SPARSE_LINE;

    share(WEIGHT, 0U);
    share(PLANE, 0U);
    if (is_line) {
        sonic_private[LOOP_I] = 0U;
        redo_log(&sonic_private[LOOP_I], &sonic_j, 1U);
    } else {
        set(LOOP_I, &sonic_i, 0U);
    }
    if (is_line || filter == w->filters) {
        share(FILTER, 0U);
        set(CURSOR, &model_progress.cursor, cursor);
        redo_commit(PASS);
    } else {
        share(FILTER, filter);
        redo_commit(w->rows[filter] == w->rows[filter + 1U] ? FINISH : PASS);
    }
}

static void task(const mac_t *mac, const weights_t *w, uint16_t cursor)
{
    if (redo_task() == FINISH) {
        if (w->kind == DENSE_LINE || w->kind == SPARSE_LINE) {
            finish_line(mac, w);
        } else {
            finish_map(mac, w);
        }
        next_filter(w, cursor);
    } else if (w->kind == SPARSE_LINE) {
        rows_of_line(mac, w);
        set(LOOP_I, &sonic_i, 0U);
        redo_commit(FINISH);
    } else if (w->kind == DENSE_LINE) {
        pass_of_line(mac, w);
        next_weight(w);
    } else if (w->rows[0] == w->rows[1] && sonic_shared[FILTER] == 0U) {
        redo_commit(FINISH); /* the layer's first filter is empty */
    } else {
        pass_of_map(mac, w);
        next_weight(w);
    }
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
            task(model_layers[index].params, &restart_weights[index], cursor_behind(index));
        }
    }
}
