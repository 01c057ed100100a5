/* Alpaca's commit (Maeng, Colin, Lucia, OOPSLA 2017), our implementation from its description: a task writes private
 * copies of what it shares with other tasks and logs where they belong; the transition to the next task makes the log
 * valid in one write, then the copies are moved. A failure before that write discards the log, one after it moves them
 * again.
 */
#ifndef REDO_H
#define REDO_H

#include <stdint.h>

/* One more entry of the log. */
void redo_log(const volatile uint16_t *from, volatile uint16_t *to, uint16_t words);

/* Ends the task that runs; the next one is a number of the program's own. */
void redo_commit(uint16_t task);

/* What every start begins with: finishes a commit, or discards what was logged for none. */
void redo_prologue(void);

/* The task that runs next. */
uint16_t redo_task(void);

#endif
