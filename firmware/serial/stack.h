/* How deep the stack has been. */
#ifndef STACK_H
#define STACK_H

#include <stdint.h>

/* Bytes of stack used since this was last called, and starts again. 0 the first time after a start: only now what lies
 * below the stack is painted. */
uint16_t stack_used(void);

#endif
