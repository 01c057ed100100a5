#include "words.h"

#include <stddef.h>
#include <string.h>

#define LARGEST 100000000UL /* of the numbers in commands, times ten */

char *word_after(char *text, const char *word)
{
    const size_t length = strlen(word);

    if (strncmp(text, word, length) != 0 || (text[length] != '\0' && text[length] != ' ')) {
        return NULL;
    }
    text += length;
    while (*text == ' ') {
        text++;
    }
    return text;
}

uint32_t word_number(char **text, uint32_t otherwise)
{
    uint32_t value = 0UL;
    char *at = *text;

    if (at == NULL || *at == '\0') {
        return otherwise;
    }
    while (*at >= '0' && *at <= '9' && value < LARGEST) {
        value = value * 10U + (uint32_t)(*at++ - '0');
    }
    if (at == *text || (*at != ' ' && *at != '\0')) {
        *text = NULL;
        return 0U;
    }
    while (*at == ' ') {
        at++;
    }
    *text = at;
    return value;
}
