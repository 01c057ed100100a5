/* The words and numbers of a command. */
#ifndef WORDS_H
#define WORDS_H

#include <stdint.h>

/* The rest of the text where it begins with a word, NULL otherwise. */
char *word_after(char *text, const char *word);

/* Takes a decimal number off the text; `otherwise` where there is none. Ends with *text NULL at anything else. */
uint32_t word_number(char **text, uint32_t otherwise);

#endif
