#include "caller.h"

#include "machine.h"
#include "runtime.h"
#include "stream.h"

int caller_step(void)
{
    const uint16_t wanted = stream_wanted();
    uint32_t id;

    if (stream_observe()) {
        (void)model_done(&id);
        if (stream_take(id)) {
            machine_event();
        }
        model_acknowledge();
        return 1;
    }
    if (model_step()) {
        return 1;
    }
    if (wanted >= machine.target) {
        return 0;
    }
    if (model_held(&id) && id == stream_id(wanted)) {
        (void)model_start();
    } else {
        (void)model_deliver(stream_id(wanted), stream_input(wanted));
    }
    return 1;
}
