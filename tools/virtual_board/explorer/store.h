/* The states found. Each is kept as the way to it: its parent, and how many of the parent's changes lead there. */

#ifndef STORE_H
#define STORE_H

#include "machine.h"

struct found {
    uint64_t write; /* of the parent's boot, after which power failed */
    uint32_t parent;
    size_t first, end; /* of the changes of its own boot, the first; of its parent's, those before the end lead here */
};

struct store {
    struct found *states; /* in the order found, which is the order of visits */
    uint32_t count;
};

extern struct store store;

/* A change of the current boot. */
void store_log(uint32_t address, uint16_t value);

/* The state after the changes logged so far; its number. */
uint32_t store_add(uint32_t parent, uint64_t write);

/* Puts FRAM into a state, whose boot begins. */
void store_enter(struct machine *m, uint32_t number);

/* Its boot is over: changes that lead to no new state are forgotten. */
void store_leave(void);

#endif
