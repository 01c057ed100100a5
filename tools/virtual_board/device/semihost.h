/* What libgloss' simulator library asks for (SLAA534), as GDB's simulator serves it: exit, read and write. */

#ifndef SEMIHOST_H
#define SEMIHOST_H

#include "machine.h"

/* Whether a call of this address is one of them; it is served then. */
bool semihost(struct machine *m, uint32_t target);

/* The instruction at C$$IO$$: the request in __CIOBUF__ is served before it. */
void run_request(struct machine *m, const struct insn *d);

#endif
