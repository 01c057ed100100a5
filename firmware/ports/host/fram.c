#define _DEFAULT_SOURCE
#include "fram.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fail.h"
#include "port.h"

/* A mapping replaces whole pages, so what the linker puts behind a mapped section must begin a page as well as the
 * section itself: an object with that alignment in each of them sees to it. */
static uint16_t nvm_pages PERSISTENT FRAM_BEGINS_A_PAGE = 0U;
static uint16_t diag_pages DIAG FRAM_BEGINS_A_PAGE = 0U;
static uint16_t scratch_pages SCRATCH FRAM_BEGINS_A_PAGE = 0U;
static uint16_t bss_pages FRAM_BEGINS_A_PAGE;

extern unsigned char __start_nvm[];
extern unsigned char __stop_nvm[];
extern unsigned char __start_diag[];
extern unsigned char __stop_diag[];

#define IN_PAGE (FRAM_PAGE - 1U)

static unsigned char *mapped;

static size_t whole_pages(size_t bytes)
{
    return (bytes + IN_PAGE) & ~(size_t)IN_PAGE;
}

size_t fram_persistent_bytes(void)
{
    return whole_pages((size_t)(__stop_nvm - __start_nvm));
}

size_t fram_diag_bytes(void)
{
    return whole_pages((size_t)(__stop_diag - __start_diag));
}

static int save(int file, const void *bytes, size_t count, size_t at)
{
    return pwrite(file, bytes, count, (off_t)at) == (ssize_t)count;
}

int fram_save(int file, size_t at)
{
    return save(file, __start_nvm, fram_persistent_bytes(), at) &&
           save(file, __start_diag, fram_diag_bytes(), at + fram_persistent_bytes());
}

void fram_map(int file, size_t at)
{
    const size_t persistent = fram_persistent_bytes();
    const size_t diag = fram_diag_bytes();

    mapped = mmap(NULL, persistent + diag, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)at);
    if (mapped == MAP_FAILED ||
        mmap(__start_nvm, persistent, PROT_READ, MAP_SHARED | MAP_FIXED, file, (off_t)at) == MAP_FAILED ||
        mmap(__start_diag, diag, PROT_NONE, MAP_SHARED | MAP_FIXED, file, (off_t)(at + persistent)) == MAP_FAILED) {
        fail(FAIL_TOOL, "cannot map the FRAM image (pages of %ld bytes, built for %u)", sysconf(_SC_PAGESIZE),
             FRAM_PAGE);
    }
}

int fram_contains(const volatile uint16_t *word)
{
    const uintptr_t address = (uintptr_t)word;

    return address >= (uintptr_t)__start_nvm && address + sizeof *word <= (uintptr_t)__stop_nvm &&
           address % sizeof *word == 0U;
}

void fram_write(volatile uint16_t *word, uint16_t value)
{
    if (!fram_contains(word)) {
        fail(FAIL_MISMATCH, "a write past the persistent objects, or not aligned to 16 bits");
    }
    if (mapped == NULL) {
        *word = value;
    } else {
        ((volatile uint16_t *)mapped)[word - (volatile uint16_t *)__start_nvm] = value;
    }
}

uint16_t *fram_words(void)
{
    return (uint16_t *)mapped;
}

void *fram_diag(void)
{
    return mapped + fram_persistent_bytes();
}

const char *fram_fault(const void *address)
{
    const uintptr_t at = (uintptr_t)address;

    if (at - (uintptr_t)__start_diag < fram_diag_bytes()) {
        return "inference touched the diagnostic area";
    }
    if (at - (uintptr_t)__start_nvm < fram_persistent_bytes()) {
        return "a store to FRAM went past nvm.h";
    }
    return NULL;
}

static void report(int number, siginfo_t *info, void *context)
{
    const char *meaning = fram_fault(info->si_addr);

    (void)context;
    if (meaning != NULL) {
        fail(FAIL_MISMATCH, "%s", meaning);
    }
    signal(number, SIG_DFL); /* not ours: the store is repeated, and the process dies of it as usual */
}

void fram_report_faults(void)
{
    static struct sigaction action;

    action.sa_sigaction = report;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, NULL);
}
