/* virtual_board_explorer name=value ...: visits every crash state of a program, and reports one line of JSON. */

#include <stdio.h>

#include "literal.h"
#include "setup.h"
#include "state.h"
#include "walk.h"

static struct machine machine;

static void print_numbers(const char *name, const uint64_t *numbers, uint32_t count, bool backward)
{
    printf("\"%s\": [", name);
    for (uint32_t i = 0; i < count; i++)
        printf("%s%llu", i ? ", " : "", (unsigned long long)numbers[backward ? count - 1u - i : i]);
    printf("], ");
}

static void print_divergence(const struct divergence *d)
{
    printf("{\"kind\": \"%s\", \"message\": \"%s\", \"write\": %llu, \"cursor\": %u, \"boot_cursor\": %u, ", d->kind,
           d->message, (unsigned long long)d->write, d->cursor, d->boot_cursor);
    printf("\"pc\": %u, \"address\": %u, \"input\": %u, \"output\": %u, \"element\": %u, ", d->pc, d->address, d->input,
           d->output, d->element);
    printf("\"expected\": %d, \"found\": %d}", (int)d->expected, (int)d->found);
}

static void report(const struct walked *walked, const struct literal *literal)
{
    uint32_t inputs = setup.count < MAX_INPUTS ? setup.count : MAX_INPUTS;
    printf("{\"states\": %u, \"transitions\": %llu, \"boots\": %llu, \"exhausted\": %s, \"fraction\": %.6f, ",
           walked->states, (unsigned long long)walked->transitions, (unsigned long long)walked->boots,
           walked->exhausted ? "true" : "false", walked->fraction);
    print_numbers("writes", walked->writes, inputs, false);
    print_numbers("cycles", walked->cycles, inputs, false);
    print_numbers("failures", walked->failures, walked->failed, true);
    printf("\"instructions\": %llu, \"recovery_cycles\": %llu, \"divergences\": %u, ",
           (unsigned long long)walked->instructions, (unsigned long long)walked->recovery, walked->divergences);
    printf("\"literal_runs\": %llu, \"literal_failures\": %llu, \"literal_divergences\": %llu, \"instruction\": %llu",
           (unsigned long long)literal->runs, (unsigned long long)literal->failures,
           (unsigned long long)literal->divergences, (unsigned long long)literal->instruction);
    if (walked->divergences != 0 || literal->divergences != 0) {
        printf(", \"first\": ");
        print_divergence(walked->divergences != 0 ? &walked->first : &literal->first);
    }
    printf("}\n");
}

int main(int count, char **arguments)
{
    static struct walked walked;
    static struct literal literal;
    setup_read(&machine, count, arguments);
    machine.poison = mixed(setup.seed) | 1u;
    state_start(&machine);
    walk(&machine, &walked);
    if (walked.exhausted && walked.divergences == 0) {
        if (setup.stride != 0)
            literal_every(&machine, walked.instructions, &literal);
        literal_schedules(&machine, walked.instructions, &literal);
    }
    report(&walked, &literal);
    return 0;
}
