/* The main loop of somebody who uses the runtime: it wants the stream's inputs answered, one after the other. */
#ifndef CALLER_H
#define CALLER_H

/* One turn, with at most one call that writes. It remembers nothing. Returns 0 where there is nothing left to do. */
int caller_step(void);

#endif
