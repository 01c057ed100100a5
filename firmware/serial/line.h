/* The serial line as the port gives it, and what every part of the protocol sends with. */
#ifndef LINE_H
#define LINE_H

#include <stdint.h>

/* Given by the port. Both sleep while they wait. */
uint8_t line_get(void);
void line_put(uint8_t byte);

/* Text, a decimal number, two hexadecimal digits. */
void line_text(const char *text);
void line_number(uint32_t value);
void line_hex(uint8_t byte);

/* "m-name-dut-[x]" and the like end with a carriage return and a line feed. */
void line_end(void);

#endif
