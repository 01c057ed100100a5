#include "serial.h"

#include "frame.h"
#include "line.h"
#include "model.h"
#include "port.h"

#define COMMAND_END '%'

/* Bytes since the last zero byte or the last command; where it is full, the rest is dropped. */
SCRATCH static uint8_t gathered[FRAME_ENCODED + 1U];
static uint16_t count;

/* A frame's content begins with a byte of at least 0x80, behind the stuffing's first; no frame is longer than fits. */
static int in_frame(void)
{
    return count >= 2U && count < FRAME_ENCODED && gathered[1] >= 0x80U;
}

/* Line ends of whoever types, and the end of a command that was none, may stand before a command. */
static int is_margin(uint8_t byte)
{
    return byte == (uint8_t)'\r' || byte == (uint8_t)'\n' || byte == (uint8_t)COMMAND_END;
}

static void ready(void)
{
    line_text("m-ready");
    line_end();
}

static void command(void)
{
    const int whole = count < FRAME_ENCODED;
    uint16_t from = 0U;
    uint16_t i;

    while (from < count && is_margin(gathered[from])) {
        from++;
    }
    while (count > from && is_margin(gathered[count - 1U])) {
        count--;
    }
    /* Noise on the line makes a command unknown, but the answer is text and the next one is heard. */
    for (i = from; i < count; i++) {
        if (gathered[i] < 0x20U || gathered[i] > 0x7EU) {
            gathered[i] = (uint8_t)'?';
        }
    }
    gathered[count] = 0U;
    if (whole) {
        command_serve((char *)&gathered[from]);
    } else {
        line_text("e-[Too long a command]");
        line_end();
    }
    ready();
    count = 0U;
}

static void frame(void)
{
    const uint16_t content = frame_decode(gathered, count);

    if (content != 0U) {
        request_serve(gathered, content);
    }
    count = 0U; /* anything else is the rest of what a failure has cut: whoever sent it asks again */
}

static void take(uint8_t byte)
{
    if (byte == 0U) {
        frame();
    } else if (byte == (uint8_t)COMMAND_END && count != 0U && !in_frame()) {
        command(); /* as the first byte it may be a frame's */
    } else if (count < FRAME_ENCODED) {
        gathered[count++] = byte;
    }
}

void serial_serve(void)
{
    count = 0U;
    inference_resume();
    /* A frame that a failure has cut ends here, and so does a line. */
    line_put(0U);
    line_end();
    line_text("m-timestamp-mode-performance");
    line_end();
    line_text("m-init-done");
    line_end();
    ready();
    for (;;) {
        take(line_get());
    }
}
