/* Ordinary memory, so that the address sanitizer guards every object. */
#ifndef PORT_H
#define PORT_H

#define PERSISTENT
#define ARENA(number)
#define WEIGHTS(piece)
#define SCRATCH
#define DIAG

#endif
