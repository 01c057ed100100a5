/* Runs a generated model under power failures:
 *
 *     harness explore  INPUTS EXPECTED SEED MAX_STATES
 *     harness simulate INPUTS EXPECTED SEED FAILURES
 *
 * Prints one line of JSON; exits with 0 also where it found divergences.
 */
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "fail.h"
#include "machine.h"
#include "simulate.h"
#include "stream.h"

int main(int count, char **arguments)
{
    uint64_t seed;
    uint32_t number;

    if (count != 6) {
        fail(FAIL_INPUT, "usage: harness explore|simulate INPUTS EXPECTED SEED NUMBER");
    }
    seed = strtoull(arguments[4], NULL, 10);
    number = (uint32_t)strtoul(arguments[5], NULL, 10);
    stream_open(arguments[2], arguments[3]);
    machine_init(seed, stream_length());
    if (strcmp(arguments[1], "explore") == 0) {
        explore(seed, number);
    } else {
        simulate(seed, number);
    }
    return 0;
}
