/* firmware/serial/frame.c as a filter: "e" encodes standard input, "d" decodes it; ends with 1 where it is no frame. */
#include <stdio.h>

#include "frame.h"
#include "line.h"

void line_put(uint8_t byte)
{
    (void)putchar(byte);
}

int main(int count, char **arguments)
{
    static uint8_t bytes[4096];
    const uint16_t size = (uint16_t)fread(bytes, 1, sizeof bytes - 2, stdin);

    if (count == 2 && arguments[1][0] == 'd') {
        const uint16_t content = frame_decode(bytes, size);

        (void)fwrite(bytes, 1, content, stdout);
        return content == 0;
    }
    frame_send(bytes, size);
    return 0;
}
