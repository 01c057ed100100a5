/* Power that fails after every p-th FRAM write: which p let the stream finish, and which never make progress. */
#ifndef PERIODS_H
#define PERIODS_H

/* Prints members of the JSON object that is open. Returns 1 where an answer was wrong (see machine.divergence). */
int periods_sweep(void);

#endif
