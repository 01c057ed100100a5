#include "line.h"

void line_text(const char *text)
{
    while (*text != '\0') {
        line_put((uint8_t)*text++);
    }
}

void line_number(uint32_t value)
{
    char digits[10];
    uint8_t count = 0U;

    do {
        digits[count++] = (char)('0' + (char)(value % 10U));
        value /= 10U;
    } while (value != 0U);
    while (count != 0U) {
        line_put((uint8_t)digits[--count]);
    }
}

void line_hex(uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";

    line_put((uint8_t)digits[byte >> 4]);
    line_put((uint8_t)digits[byte & 15U]);
}

void line_end(void)
{
    line_text("\r\n");
}
