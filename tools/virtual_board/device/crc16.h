/* The CRC module: CRC-CCITT, polynomial 0x1021, without final inversion. */

#ifndef CRC16_H
#define CRC16_H

#include <stdint.h>

struct machine;

struct crc16 {
    uint16_t input, reversed_input, result;
    uint64_t words; /* bus writes of data: each takes a cycle */
};

void crc16_reset(struct machine *m);
uint16_t crc16_read(struct machine *m, uint32_t offset);
void crc16_write(struct machine *m, uint32_t offset, uint16_t value, uint16_t mask);

#endif
