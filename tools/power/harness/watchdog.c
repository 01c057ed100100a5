#define _DEFAULT_SOURCE
#include "watchdog.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

#include "fram.h"
#include "machine.h"
#include "sram.h"

#define TICK_SECONDS 1
#define PATIENCE 3U /* ticks of processor time, not of the clock on the wall */

static volatile sig_atomic_t running KEEP = 0;
static volatile uint64_t writes_seen KEEP = 0U;
static volatile uint32_t calls_seen KEEP = 0U;
static volatile unsigned ticks KEEP = 0U;
static unsigned char stack[65536] KEEP = {0};

static void fault(int number, siginfo_t *info, void *context)
{
    const char *meaning = number == SIGSEGV ? fram_fault(info->si_addr) : NULL;

    (void)context;
    if (!running) {
        signal(number, SIG_DFL); /* the harness's own mistake: it dies of it */
        return;
    }
    machine_diverged(meaning != NULL ? meaning : "a memory or arithmetic fault", number);
}

static void tick(int number)
{
    if (!running || machine.total_writes != writes_seen || machine.calls != calls_seen) {
        writes_seen = machine.total_writes;
        calls_seen = machine.calls;
        ticks = 0U;
    } else if (++ticks == PATIENCE) {
        machine_diverged("a call that neither writes nor returns", number);
    }
}

void watchdog_init(void)
{
    const struct itimerval every = {{TICK_SECONDS, 0}, {TICK_SECONDS, 0}};
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action;
    stack_t alternate;
    size_t i;

    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    alternate.ss_flags = 0;
    sigaltstack(&alternate, NULL);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (i = 0U; i < sizeof faults / sizeof *faults; i++) {
        sigaction(faults[i], &action, NULL);
    }
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    action.sa_handler = tick;
    sigaction(SIGVTALRM, &action, NULL);
    setitimer(ITIMER_VIRTUAL, &every, NULL);
}

void watchdog_resume(void)
{
    running = 1;
}

void watchdog_pause(void)
{
    running = 0;
}
