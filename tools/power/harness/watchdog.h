/* Turns a memory fault in the device's code, or a call that neither writes nor returns, into a divergence. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

void watchdog_init(void);

/* The device's code runs between resume and pause; the harness's own does not count. */
void watchdog_resume(void);
void watchdog_pause(void);

#endif
