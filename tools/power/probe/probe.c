/* Does to runtime and port what a caller should not, and checks what they promise to say:
 *
 *     probe FRAM protocol|outside|below|odd|store|last|diag|fault|unmapped|hash|nomap|norecord
 *
 * Prints "kept" and ends with 0 where the promise is kept without a fault; faults end the process as fram.h says.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "fram.h"
#include "fram_file.h"
#include "nvm.h"
#include "runtime.h"
#include "world.h"

extern uint16_t __start_nvm[];
extern uint16_t __stop_nvm[];
extern uint16_t __start_diag[];

/* Volatile, so that the compiler knows nothing about where they point. */
static uint16_t *volatile first = __start_nvm;
static uint16_t *volatile end = __stop_nvm;
static uint16_t *volatile diag = __start_diag;
static uint16_t *volatile nowhere;

extern const uint32_t model_hash __attribute__((weak));

#define ID 0x89ABCDEFU
#define OTHER 0x1234F00DU

static void check(int kept, const char *promise)
{
    if (!kept) {
        printf("broken: %s\n", promise);
        exit(1);
    }
}

/* Delivers; 1 where no other word of FRAM has changed. The word behind the input differs from whatever is in FRAM. */
static int delivers_within_bounds(uint32_t id, const int16_t *words)
{
    const size_t bytes = fram_persistent_bytes();
    const size_t input = (size_t)((uint16_t *)(void *)model_input - first);
    const size_t progress = (size_t)((uint16_t *)(void *)&model_progress - first);
    uint16_t *before = malloc(bytes);
    size_t i;
    int good = before != NULL;

    if (good) {
        memcpy(before, fram_words(), bytes);
        good = model_deliver(id, words) == 0;
        for (i = 0U; i < bytes / sizeof *before; i++) {
            if ((i < input || i >= input + model_input_words) &&
                (i < progress || i >= progress + sizeof model_progress / sizeof *before)) {
                good = good && fram_words()[i] == before[i];
            }
        }
    }
    free(before);
    return good;
}

static void idle_protocol(const int16_t *words)
{
    uint32_t id = 0U;
    uint16_t i;

    check(!model_held(&id) && !model_done(&id) && id == 0U, "a new device holds nothing");
    check(model_step() == 0 && model_progress.cursor == 0U, "a step without an inference does nothing");
    check(model_start() == -1 && model_progress.cursor == 0U, "nothing can be started without an input");
    model_acknowledge();
    check(model_progress.cursor == 0U, "an acknowledgement without a result does nothing");
    check(delivers_within_bounds(ID, words), "an idle device takes an input, and nothing else changes");
    check(model_held(&id) == 1 && id == ID && !model_done(&id), "it holds the input under its whole id");
    check(model_deliver(OTHER, words) == 0, "it takes another");
    check(model_held(&id) == 1 && id == OTHER, "the next input takes its place");
    for (i = 0U; i < model_input_words; i++) {
        check(model_input[i] == words[i], "the input is held whole");
    }
}

static void running_protocol(const int16_t *words)
{
    const uint16_t done = (uint16_t)(model_units + 1U);
    uint32_t id = 0U;
    uint16_t steps = 0U;

    check(model_start() == 0 && model_start() == -1, "an inference is started once");
    for (;;) {
        check(model_progress.cursor == steps + 1U && !model_done(&id), "each step is one unit");
        model_acknowledge();
        check(model_progress.cursor == steps + 1U, "an acknowledgement under way does nothing");
        check(model_deliver(ID, words) == -1, "an input is refused under way");
        check(model_step() == 1, "a step under way runs");
        steps++;
        if (steps == model_units) {
            break;
        }
    }
    check(model_progress.cursor == done && model_done(&id) == 1 && id == OTHER,
          "after the last unit there is a result");
    check(model_step() == 0 && model_progress.cursor == done, "a step after the end does nothing");
    check(model_start() == -1 && model_deliver(ID, words) == -1, "a waiting result is not lost");
    model_acknowledge();
    check(model_progress.cursor == 0U && !model_done(&id), "an acknowledged result is gone");
#ifdef MODEL_VOLATILE_INPUT
    check(!model_held(&id) && model_start() == -1, "feature maps have taken the input's place");
#else
    check(model_held(&id) && id == OTHER && model_start() == 0, "the input stays and can be started again");
#endif
}

int main(int count, char **arguments)
{
    const char *what = count == 3 ? arguments[2] : "";
    int free_descriptor;

    if (strcmp(what, "unmapped") == 0) {
        nvm_commit(&model_progress.held, 7U);
        check(model_progress.held == 7U, "without a file, writes reach the process's own copy");
        printf("kept\n");
        return 0;
    }
    if (strcmp(what, "hash") == 0) {
        printf("%lu %u\n", (unsigned long)(&model_hash != NULL ? model_hash : model_units),
               (unsigned)model_layer_count);
        return 0;
    }
    if (strcmp(what, "nomap") == 0) {
        fram_map(-1, 0U);
    }
    if (strcmp(what, "norecord") == 0) {
        world_open(arguments[1], "/dev/null");
        (void)world_input(world_inputs());
    }
    free_descriptor = dup(2);
    close(free_descriptor);
    fram_file_open(arguments[1]);
    check(dup(2) == free_descriptor, "a mapped file is no longer open");
    check(fram_contains(first) && fram_contains(end - 1) && !fram_contains(first - 1) && !fram_contains(end),
          "persistent words are told from others");
    if (strcmp(what, "protocol") == 0) {
        int16_t *words = malloc(((size_t)model_input_words + 1U) * sizeof *words);
        uint16_t i;

        for (i = 0U; words != NULL && i < model_input_words; i++) {
            words[i] = (int16_t)(i * 1021 + 7);
        }
        check(words != NULL, "there is memory for an input");
        words[model_input_words] = (int16_t)~model_input[model_input_words];
        idle_protocol(words);
        running_protocol(words);
        check(fram_words()[(uint16_t *)(void *)&model_progress - first] == 1U, "both views show the same");
        check(diag_boot() == 1U && diag_boot() == 2U, "boots are counted");
    } else if (strcmp(what, "outside") == 0) {
        nvm_commit(end, 1U);
    } else if (strcmp(what, "below") == 0) {
        nvm_commit(first - 1, 1U);
    } else if (strcmp(what, "odd") == 0) {
        nvm_commit((uint16_t *)(void *)((char *)first + 1), 1U);
    } else if (strcmp(what, "store") == 0) {
        *(volatile uint16_t *)&model_progress.held = 1U;
    } else if (strcmp(what, "last") == 0) {
        *(volatile unsigned char *)((unsigned char *)first + fram_persistent_bytes() - 1U) = 1U;
    } else if (strcmp(what, "diag") == 0) {
        printf("%u\n", (unsigned)*(volatile uint16_t *)diag);
    } else {
        *(volatile uint16_t *)nowhere = 1U;
    }
    printf("kept\n");
    return 0;
}
