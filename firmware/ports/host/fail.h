/* Ends the process with one line on stderr. Exit codes are those of the command line. */
#ifndef FAIL_H
#define FAIL_H

#define FAIL_INPUT 2
#define FAIL_TOOL 4
#define FAIL_MISMATCH 5

void fail(int code, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif
