/* The device under test: it boots, calls the runtime as a caller's main loop does, and can lose power at any write. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

#include "image.h"

/* What drives it. Any of them may call machine_stop. */
typedef struct {
    void (*before_write)(void);
    void (*after_event)(void); /* after every FRAM write, and after the world has taken an answer */
    void (*between_calls)(void);
} policy_t;

typedef enum {
    FINISHED, /* the stream has been answered as far as wanted */
    STOPPED,  /* by machine_stop: a power failure, or nothing new to see */
    DIVERGED
} ending_t;

typedef struct {
    const char *kind; /* NULL: none */
    uint32_t write;   /* FRAM writes since the last boot */
    uint16_t cursor;
    uint16_t boot_cursor; /* at the last boot: the unit that was interrupted */
    uint16_t input;
    uint16_t output;
    uint16_t element;
    int32_t expected;
    int32_t found;
} divergence_t;

typedef struct {
    image_t fram;
    uint64_t hash;         /* of FRAM, kept up to date write by write */
    uint32_t writes;       /* since boot */
    uint32_t calls;        /* since boot */
    uint64_t total_writes; /* since machine_init */
    uint16_t target;       /* answers wanted in all */
    uint16_t supply;       /* what the device reads of its supply until the next failure */
    divergence_t divergence;
} machine_t;

extern machine_t machine;

/* Maps FRAM, fills it as a cold start finds it (model_progress initialized, the rest random), arms the watchdog. */
void machine_init(uint64_t seed, uint16_t target);

/* One boot, from what FRAM holds. */
ending_t machine_run(const policy_t *policy);

/* The world has changed: to be called by the caller's loop. */
void machine_event(void);

/* To be called by policies and observers, inside machine_run only. */
void machine_stop(void) __attribute__((noreturn));
void machine_diverged(const char *kind, int32_t found) __attribute__((noreturn));
void machine_wrong_answer(uint16_t input, uint16_t output, uint16_t element, int16_t expected, int16_t found)
    __attribute__((noreturn));

#endif
