/* The command set of the MLPerf Tiny benchmark (mlcommons/tiny, benchmark/api), and a few more words for people. */
#include <stddef.h>
#include <string.h>

#include "serial.h"

#include "boots.h"
#include "config.h"
#include "line.h"
#include "model.h"
#include "port.h"
#include "stack.h"
#include "timer.h"
#include "words.h"

#define TYPED_ID 0xFFFFFFFFUL
#define INPUT_BYTES MODEL_INPUT_BYTES

/* Bytes of `db` so far; nothing is loaded where they are more than there can be. */
static uint32_t loaded = INPUT_BYTES + 1UL;

static void say(const char *text)
{
    line_text(text);
    line_end();
}

static void say_number(const char *before, uint32_t value, const char *after)
{
    line_text(before);
    line_number(value);
    say(after);
}

static void load(char *text)
{
    const uint32_t bytes = word_number(&text, 0U);

    if (text == NULL || bytes != INPUT_BYTES) {
        say_number("e-[This model reads ", INPUT_BYTES, " bytes]");
        return;
    }
    inference_settle();
    (void)input_open(TYPED_ID);
    loaded = 0U;
    say_number("m-[Expecting ", INPUT_BYTES, " bytes]");
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One more byte of the input: a word is written when it is whole. */
static void put(uint8_t byte)
{
    static uint8_t word[2];

    word[loaded & 1U] = byte;
    loaded++;
    if ((loaded & 1U) != 0U && loaded == INPUT_BYTES) {
        word[1] = 0U; /* half a word at the end */
    }
    if ((loaded & 1U) == 0U || loaded == INPUT_BYTES) {
        (void)input_write(TYPED_ID, (uint16_t)((loaded - 1U) >> 1), word, 1U);
    }
}

static void bytes(const char *text)
{
    const size_t length = strlen(text);
    size_t i;

    if (loaded >= INPUT_BYTES) {
        say("e-[Nothing to load: db load N comes first]");
        return;
    }
    for (i = 0U; i < length; i++) {
        if (digit(text[i]) < 0) {
            say("e-[Not hexadecimal]");
            return;
        }
    }
    if ((length & 1U) != 0U || length / 2U > INPUT_BYTES - loaded) {
        say("e-[Too many digits, or half a byte]");
        return;
    }
    for (i = 0U; i < length; i += 2U) {
        put((uint8_t)(digit(text[i]) << 4 | digit(text[i + 1U])));
    }
    if (loaded == INPUT_BYTES) {
        say(input_close(TYPED_ID) == 0 ? "m-load-done" : "e-[Another input came in between: db load N again]");
    }
}

static void print(void)
{
    uint16_t i;

    line_text("m-buffer");
    for (i = 0U; i < MODEL_INPUT_WORDS; i++) {
        line_text("-");
        line_hex((uint8_t)((uint16_t)model_input[i] & 0xFFU));
        if (2UL * i + 1U < INPUT_BYTES) {
            line_text("-");
            line_hex((uint8_t)((uint16_t)model_input[i] >> 8));
        }
    }
    line_end();
}

static void lap(void)
{
    say_number("m-lap-us-", timer_microseconds(), "");
}

static int run(uint32_t times)
{
    while (times-- != 0U) {
        inference_settle();
        if (inference_start(ALL_LAYERS) != 0) {
            return -1;
        }
        inference_run(ALL_LAYERS);
    }
    return 0;
}

static void infer(char *text)
{
    const uint32_t times = word_number(&text, 1U);
    const uint32_t warm_ups = word_number(&text, 10U);
    uint32_t id;

    if (text == NULL || times == 0U) {
        say("e-[infer N W: how often, after how many warm-ups]");
        return;
    }
#ifdef MODEL_VOLATILE_INPUT
    if (times + warm_ups > 1U) {
        say("e-[The input is used up by one inference: infer 1 0]");
        return;
    }
#endif
    inference_settle();
    if (model_held(&id) == 0) {
        say("e-[No input is loaded]");
        return;
    }
    say_number("m-warmup-start-", warm_ups, "");
    (void)run(warm_ups);
    say("m-warmup-done");
    say_number("m-infer-start-", times, "");
    lap();
    (void)run(times);
    lap();
    say("m-infer-done");
    command_results();
}

static void help(void)
{
    say("name%, profile%, timestamp%, help%");
    say("db load N%, db HEX%, db print%: the input, N bytes");
    say("infer N W%: N inferences after W warm-ups; results%");
    say("x-model%, x-stats%, x-layers%, x-stack%: the model, restarts, cycles of each layer, bytes of stack used");
#ifdef MODEL_EXITS
    say("x-policy%, x-best%: where the inference ends, the best answer so far");
    say("x-limit N%, x-plenty VALUE%, x-margin N VALUE%, x-level N VALUE%: change the policy, a word at a time");
#endif
    say("x-fail N%: power failures every N cycles of inference; 0 ends them");
}

static void stats(void)
{
    uint8_t cause;

    line_text("m-x-stats-[");
    for (cause = 0U; cause < BOOT_CAUSES; cause++) {
        if (cause != 0U) {
            line_text(",");
        }
        line_text(boots_name(cause));
        line_text("=");
        line_number(boots_count(cause));
    }
    say("]");
}

static void layers(void)
{
    uint16_t layer;

    line_text("m-x-layers-[");
    for (layer = 0U; layer < MODEL_LAYERS; layer++) {
        if (layer != 0U) {
            line_text(",");
        }
        line_number(inference_cycles(layer));
    }
    say("]");
}

static void fail(char *text)
{
    const uint32_t cycles = word_number(&text, 0U);

    if (text == NULL) {
        say("e-[x-fail N: a number of cycles]");
        return;
    }
    fail_every(cycles);
    say_number("m-x-fail-", cycles, "");
}

static void database(char *text)
{
    char *rest;

    if ((rest = word_after(text, "load")) != NULL) {
        load(rest);
    } else if (word_after(text, "print") != NULL) {
        print();
    } else {
        bytes(text);
    }
}

void command_serve(char *text)
{
    char *rest;

    if ((rest = word_after(text, "db")) != NULL) {
        database(rest);
    } else if ((rest = word_after(text, "infer")) != NULL) {
        infer(rest);
    } else if ((rest = word_after(text, "x-fail")) != NULL) {
        fail(rest);
    } else if (strcmp(text, "results") == 0) {
        command_results();
    } else if (strcmp(text, "name") == 0) {
        say("m-name-dut-[" MODEL_NAME "]");
    } else if (strcmp(text, "profile") == 0) {
        say("m-profile-[ULPMark for tinyML Firmware V0.0.1]");
        say("m-model-[" MODEL_NAME "]");
    } else if (strcmp(text, "timestamp") == 0) {
        lap();
    } else if (strcmp(text, "help") == 0) {
        help();
    } else if (strcmp(text, "x-model") == 0) {
        say("m-x-model-[" MODEL_HASH "]");
#ifdef MODEL_WALKS
        say(multiplier_takes_bytes() != 0U ? "m-x-kernels-[assembly]"
                                           : "m-x-kernels-[portable: this multiplier takes no signed bytes]");
#endif
    } else if (strcmp(text, "x-stats") == 0) {
        stats();
    } else if (strcmp(text, "x-layers") == 0) {
        layers();
    } else if (strcmp(text, "x-stack") == 0) {
        say_number("m-x-stack-", stack_used(), "");
#ifdef MODEL_EXITS
    } else if (policy_serve(text) != 0) {
        return;
#endif
    } else {
        line_text("e-[Unknown command: ");
        line_text(text);
        say("]");
    }
}
