/* Binary frames: a zero byte, content and checksum in consistent-overhead byte stuffing (Cheshire and Baker 1999), a
 * zero byte. The checksum is CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF), low byte first.
 *
 * The first byte of a content is at least 0x80, so a frame is never taken for a command: those are printable.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdint.h>

#define FRAME_CONTENT 140U /* bytes of content at most, the checksum not counted */
#define FRAME_ENCODED (FRAME_CONTENT + 3U)

/* Takes the stuffing and the checksum off, in place. Returns the bytes of content, 0 where it is no frame. */
uint16_t frame_decode(uint8_t *bytes, uint16_t count);

/* Sends content of at most FRAME_CONTENT bytes; there must be room for two more behind it. */
void frame_send(uint8_t *content, uint16_t count);

#endif
