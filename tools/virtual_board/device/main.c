#define _POSIX_C_SOURCE 200809L /* sigaction */

/* virtual_board name=value ...: builds the device, programs it, runs it and reports on standard output. */

#include <stdlib.h>
#include <string.h>

#include "bootloader.h"
#include "cpu.h"
#include "elf.h"
#include "image.h"
#include "io.h"

struct files {
    const char *device, *elf, *image, *output, *serial_in, *serial_out, *events;
    bool terminal, await_host;
};

static int refuse(const char *message)
{
    (void)fprintf(stderr, "%s\n", message);
    return 2;
}

/* number:base:channels:vector, all hexadecimal */
static bool add_timer(struct machine *m, const char *text)
{
    unsigned number, base, channels, vector;
    if (sscanf(text, "%x:%x:%x:%x", &number, &base, &channels, &vector) != 4 || number >= TIMERS || channels > CHANNELS)
        return false;
    m->timers[number].base = base;
    m->timers[number].channels = channels;
    m->timers[number].vector = vector & 63u;
    return true;
}

/* channels:vector, both hexadecimal */
static bool add_dma(struct machine *m, const char *text)
{
    return sscanf(text, "%x:%x", &m->dma.channels, &m->dma.vector) == 2 && m->dma.channels <= DMA_CHANNELS &&
           m->dma.vector < 64u;
}

/* port:vector, both hexadecimal */
static bool add_port(struct machine *m, const char *text)
{
    unsigned port, vector;
    if (sscanf(text, "%x:%x", &port, &vector) != 2 || port < 1u || port > sizeof m->ports.vectors)
        return false;
    m->ports.vectors[port - 1u] = (uint8_t)(vector & 63u);
    return true;
}

/* base:vector:function:tx port:tx pin:rx port:rx pin, all hexadecimal */
static bool add_uart(struct machine *m, const char *text)
{
    struct uart *u = &m->uart;
    unsigned base;
    if (sscanf(text, "%x:%x:%x:%x:%x:%x:%x", &base, &u->vector, &u->function, &u->tx_port, &u->tx_pin, &u->rx_port,
               &u->rx_pin) != 7)
        return false;
    u->base = base;
    return u->vector < 64u && u->tx_port - 1u < 8u && u->rx_port - 1u < 8u && u->tx_pin < 8u && u->rx_pin < 8u;
}

/* kind:start:size, both hexadecimal */
static bool add_region(struct machine *m, const char *text)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } kinds[] = {{"ram:", KIND_RAM}, {"fram:", KIND_FRAM}, {"rom:", KIND_ROM}};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(kinds[i].name);
        char *end;
        if (strncmp(text, kinds[i].name, length) != 0)
            continue;
        unsigned long start = strtoul(text + length, &end, 16);
        return *end == ':' && map_region(m, (uint32_t)start, (uint32_t)strtoul(end + 1, NULL, 16), kinds[i].kind);
    }
    return false;
}

static bool set_number(struct machine *m, const char *name, uint64_t value)
{
    const struct {
        const char *name;
        uint64_t *target;
    } numbers[] = {
        {"seed", &m->poison},
        {"cycles", &m->cycle_limit},
        {"instructions", &m->instruction_limit},
        {"host_latency_ps", &m->wire.latency_ps},
        {"lea_start", &m->lea.start_cycles},
    };
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].target = value;
            return true;
        }
    }
    if (strcmp(name, "semihosting") == 0) {
        m->semihosting = value != 0;
    } else if (strcmp(name, "bootloader") == 0) {
        m->bootloader.requested = value != 0;
    } else if (strcmp(name, "host_baud") == 0) {
        m->wire.baud = (uint32_t)value;
    } else if (strcmp(name, "owned") == 0) {
        m->wire.owned = value != 0;
    } else if (strcmp(name, "stop_value") == 0) {
        m->events.stop_at = (uint32_t)value;
    } else if (strcmp(name, "wdt_vector") == 0) {
        m->watchdog.vector = (unsigned)value & 63u;
    } else if (strcmp(name, "watch") == 0) {
        m->events.watched = (uint32_t)value & TOP & ~1u;
    } else if (strcmp(name, "real_time") == 0) {
        m->pace.wanted = value != 0;
    } else if (strcmp(name, "mpu") == 0) {
        m->mpu.present = value != 0;
    } else if (strcmp(name, "adc") == 0) {
        m->adc.present = value != 0;
    } else if (strcmp(name, "write_protection") == 0) {
        m->controller.protects = value != 0;
    } else if (strcmp(name, "exit") == 0) {
        m->kind[(value & TOP) >> 1] |= KIND_EXIT;
    } else {
        return false;
    }
    return true;
}

static bool set_option(struct machine *m, struct files *files, char *argument)
{
    char *value = strchr(argument, '=');
    if (value == NULL)
        return false;
    *value++ = '\0';
    if (strcmp(argument, "region") == 0)
        return add_region(m, value);
    if (strcmp(argument, "uart") == 0)
        return add_uart(m, value);
    if (strcmp(argument, "timer") == 0)
        return add_timer(m, value);
    if (strcmp(argument, "port") == 0)
        return add_port(m, value);
    if (strcmp(argument, "dma") == 0)
        return add_dma(m, value);
    if (strcmp(argument, "lea") == 0)
        return lea_option(m, value);
    if (strcmp(argument, "fail") == 0)
        return failures_add(m, value);
    if (energy_option(m, argument, value) || supply_option(m, argument, value))
        return true;
    const char **text = strcmp(argument, "elf") == 0          ? &files->elf
                        : strcmp(argument, "image") == 0      ? &files->image
                        : strcmp(argument, "output") == 0     ? &files->output
                        : strcmp(argument, "device") == 0     ? &files->device
                        : strcmp(argument, "events") == 0     ? &files->events
                        : strcmp(argument, "serial_in") == 0  ? &files->serial_in
                        : strcmp(argument, "serial_out") == 0 ? &files->serial_out
                                                              : NULL;
    if (text != NULL) {
        *text = value;
        return true;
    }
    if (strcmp(argument, "terminal") == 0) {
        files->terminal = true;
        return true;
    }
    if (strcmp(argument, "await_host") == 0) {
        files->await_host = strtoul(value, NULL, 0) != 0;
        return true;
    }
    return set_number(m, argument, strtoull(value, NULL, 0));
}

static void report(struct machine *m)
{
    (void)printf("stopped=%s\nmessage=%s\nexit_code=%d\n", m->stopped, m->message, m->exit_code);
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"cycles", m->cycles},
        {"instructions", m->count.instructions},
        {"wait_cycles", m->count.waits},
        {"cache_hits", m->count.hits},
        {"cache_misses", m->count.misses},
        {"fram_reads", m->count.fram_reads},
        {"fram_writes", m->count.fram_writes},
        {"interrupts", m->count.interrupts},
        {"resets", m->count.resets},
        {"power_failures", m->count.power_failures},
        {"early_multiplier_reads", m->count.early_reads},
        {"lea_commands", m->lea.commands},
        {"lea_cycles", lea_worked(m)},
        {"lea_conflicts", m->lea.conflicts},
        {"lea_saturations", m->lea.saturations},
        {"lea_refusals", m->lea.refusals},
        {"mute_bytes", m->uart.mute},
        {"lost_bytes", m->uart.lost},
        {"picoseconds", clock_now(m)},
        {"sleep_picoseconds", m->clock.sleep_ps},
        {"boots", m->count.boots},
        {"energy_fj", energy_total(m)},
        {"harvested_fj", supply_harvested(m)},
    };
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++)
        (void)printf("%s=%llu\n", counts[i].name, (unsigned long long)counts[i].value);
    for (int i = 0; i < DRAWN_KINDS; i++)
        (void)printf("ledger_%s=%llu\n", energy_names[i], (unsigned long long)m->energy.drawn[i].fj);
    (void)printf("registers=");
    for (unsigned n = 0; n < 16u; n++)
        (void)printf("%s%05x", n ? "," : "", (unsigned)m->r[n]);
    (void)printf("\n");
}

static void prepare(struct machine *m)
{
    m->poison = 1;
    m->cycle_limit = m->instruction_limit = NEVER;
    m->fail.at_cycle = m->fail.at_instruction = m->fail.before_write = m->fail.after_write = NEVER;
    m->watchdog.vector = 49;
    m->events.stop_at = UINT32_MAX;
    m->output = stdout;
    m->wire.in = m->wire.out = -1;
}

static struct machine machine;

/* Asked to end: the report is still written. */
static void interrupted(int number)
{
    (void)number;
    machine.interrupted = 1;
    machine.event_at = 0;
}

static const char *connect(struct machine *m, const struct files *files)
{
    static const struct sigaction none;
    struct sigaction action = none; /* no SA_RESTART: waiting for the host ends */
    action.sa_handler = interrupted;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    if (!files->terminal)
        return wire_open_files(&m->wire, files->serial_in, files->serial_out) ? NULL
                                                                              : "a file for the serial line is missing";
    const char *name = wire_open_terminal(&m->wire);
    if (name == NULL)
        return "there is no pseudo-terminal left";
    (void)printf("port=%s\n", name);
    (void)fflush(stdout);
    return NULL;
}

int main(int count, char **arguments)
{
    struct machine *m = &machine;
    struct files files = {"", NULL, NULL, NULL, NULL, NULL, NULL, false, false};
    m->kind = calloc(SPACE / 2u, 1);
    m->code = calloc(SPACE / 2u, sizeof *m->code);
    if (m->kind == NULL || m->code == NULL)
        return refuse("there is no memory for the device's");
    prepare(m);
    for (int i = 1; i < count; i++) {
        if (!set_option(m, &files, arguments[i]))
            return refuse(arguments[i]);
    }
    if (!io_map(m) || !bootloader_map(m))
        return refuse("memory and peripherals overlap");
    m->poison = m->poison * UINT64_C(0x9E3779B97F4A7C15) | 1u;
    const char *error = image_open(m, files.image, files.device);
    if (error == NULL)
        bootloader_install(m);
    if (error == NULL && files.elf != NULL)
        error = elf_load(m, files.elf);
    if (error == NULL)
        error = connect(m, &files);
    if (error != NULL)
        return refuse(error);
    if (files.output != NULL && (m->output = fopen(files.output, "wb")) == NULL)
        return refuse("the output file cannot be written");
    if (files.events != NULL && (m->events.file = fopen(files.events, "wb")) == NULL)
        return refuse("the file for events cannot be written");
    m->wire.ended = &m->interrupted;
    if (files.await_host)
        wire_await(&m->wire);
    failures_arm(m);
    supply_start(m);
    run(m);
    event_flush(m);
    event_record(m, EVENT_STOP, 0);
    if (m->events.file != NULL && fclose(m->events.file) != 0)
        return refuse("the file for events cannot be written");
    if (m->output != stdout)
        (void)fclose(m->output);
    report(m);
    return 0;
}
