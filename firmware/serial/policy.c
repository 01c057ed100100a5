/* Commands of a model with early exits: its policy, and the best answer so far. */
#include "serial.h"

#include <stddef.h>
#include <string.h>

#include "line.h"
#include "model.h"
#include "words.h"

#ifdef MODEL_EXITS

#define NO_NUMBER 0x10000UL

static void say_words(const char *before, const volatile uint16_t *words)
{
    uint16_t i;

    line_text(before);
    for (i = 0U; i < MODEL_EXITS; i++) {
        if (i != 0U) {
            line_text(" ");
        }
        line_number(words[i]);
    }
}

static void say_policy(void)
{
    line_text("m-x-policy-[limit=");
    line_number(model_progress.limit);
    line_text(",plenty=");
    line_number(model_progress.plenty);
    say_words(",margins=", model_progress.margins);
    say_words(",levels=", model_progress.levels);
    line_text("]");
    line_end();
}

static void say_best(void)
{
    output_t scores;
    uint16_t number;

    if (model_best(&number, &scores) == 0) {
        line_text("e-[No exit was reached yet]");
    } else {
        line_text("m-x-best-[exit=");
        line_number(number);
        line_text(",");
        results_print(&scores, model_output_exponents[0]);
        line_text("]");
    }
    line_end();
}

int policy_set(uint16_t kind, uint16_t number, uint16_t value)
{
    switch (kind) {
    case POLICY_LIMIT:
        return model_set_limit(value);
    case POLICY_MARGIN:
        return model_set_margin(number, value);
    case POLICY_LEVEL:
        return model_set_level(number, value);
    case POLICY_PLENTY:
        model_set_plenty(value);
        return 0;
    default:
        return -1;
    }
}

uint16_t policy_word(uint16_t at)
{
    if (at < 2U) {
        return at == 0U ? model_progress.limit : model_progress.plenty;
    }
    at -= 2U;
    if (at < MODEL_EXITS) {
        return model_progress.margins[at];
    }
    at -= MODEL_EXITS;
    return at < MODEL_EXITS ? model_progress.levels[at] : 0U;
}

static void change(uint16_t kind, char *text)
{
    const uint32_t number = kind == POLICY_LIMIT || kind == POLICY_PLENTY ? 0UL : word_number(&text, NO_NUMBER);
    const uint32_t value = text == NULL ? NO_NUMBER : word_number(&text, NO_NUMBER);

    if (text == NULL || *text != '\0' || number >= NO_NUMBER || value >= NO_NUMBER ||
        policy_set(kind, (uint16_t)number, (uint16_t)value) != 0) {
        line_text("e-[There is no such exit, or the value is none of 0 to 65535]");
        line_end();
        return;
    }
    say_policy();
}

int policy_serve(char *text)
{
    static const char *const names[] = {"x-limit", "x-margin", "x-level", "x-plenty"};
    uint16_t kind;

    if (strcmp(text, "x-policy") == 0) {
        say_policy();
        return 1;
    }
    if (strcmp(text, "x-best") == 0) {
        say_best();
        return 1;
    }
    for (kind = POLICY_LIMIT; kind <= POLICY_PLENTY; kind++) {
        char *rest = word_after(text, names[kind]);

        if (rest != NULL) {
            change(kind, rest);
            return 1;
        }
    }
    return 0;
}

#endif
