#include "diag.h"

#include "fram.h"
#include "port.h"

typedef struct {
    uint32_t boots;
} diag_t;

/* Behind the object that begins the page, wherever the linker puts it. */
static diag_t counters DIAG = {0U};

extern unsigned char __start_diag[];

uint32_t diag_boot(void)
{
    /* The object itself is not readable: its place in the writable view is. */
    diag_t *const view = (diag_t *)(void *)((unsigned char *)fram_diag() + ((unsigned char *)&counters - __start_diag));

    return ++view->boots;
}
