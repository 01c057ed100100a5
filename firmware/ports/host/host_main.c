/* The device as a process: killed and started again at any moment, it resumes where its FRAM file stands.
 *
 *     host_main FRAM INPUTS ANSWERS [--slow NANOSECONDS] [--dump FILE]
 *
 * Ends with 0 when every input is answered. The files are described in world.h, fram_file.h and dump.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "dump.h"
#include "fail.h"
#include "fram_file.h"
#include "hook.h"
#include "runtime.h"
#include "world.h"

/* One call of the protocol. Nothing is remembered from one to the next. */
static void advance(void)
{
    const uint32_t wanted = world_answered();
    uint32_t id;

    if (model_done(&id)) {
        world_take(id);
        model_acknowledge();
    } else if (model_step()) {
        dump_layer(model_progress.cursor);
    } else if ((model_held(&id) && id == wanted ? model_start() : model_deliver(wanted, world_input(wanted))) != 0) {
        fail(FAIL_MISMATCH, "the runtime refuses input %lu while it is idle", (unsigned long)wanted);
    }
}

static void options(int count, char **arguments)
{
    int i;

    for (i = 4; i < count; i += 2) {
        if (strcmp(arguments[i], "--slow") == 0) {
            hook_slow_down((uint32_t)atol(arguments[i + 1]));
        } else if (strcmp(arguments[i], "--dump") == 0) {
            dump_open(arguments[i + 1]);
        } else {
            fail(FAIL_INPUT, "unknown option %s", arguments[i]);
        }
    }
}

int main(int count, char **arguments)
{
    uint32_t id;

    if (count < 4 || count % 2 != 0) {
        fail(FAIL_INPUT, "usage: host_main FRAM INPUTS ANSWERS [--slow NANOSECONDS] [--dump FILE]");
    }
    options(count, arguments);
    world_open(arguments[2], arguments[3]);
    fram_file_open(arguments[1]);
    fprintf(stderr, "boot %lu\n", (unsigned long)diag_boot());
    while (world_answered() < world_inputs() || model_done(&id)) {
        advance();
    }
    return 0;
}
