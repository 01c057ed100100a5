/* Start and end of the accelerator's commands. What its header file and SLAU853 leave open is marked. */

#include "lea.h"

#include <stdio.h>

#include "io.h"
#include "machine.h"
#include "memory.h"

enum { DONE = 0x0001, FREE = 0x0002, COMMAND_FAULT = 0x0040 }; /* in the upper half of LEACNF1 */
enum { EXPLICIT_RESULT = 0x0001, INTERRUPTS = 0x0002, SUSPEND = 0x00, RESUME = 0x02, MAC = 0x15 };

/* Cycles that a command takes besides its elements. Fitted, and an upper bound: what is left of the 616 published
 * cycles of a whole call (lea_mac.c) after the 372 that a driver of the same steps takes the processor on this board at
 * 16 MHz, compiled with -O2 (tests/virtual_board/programs/lea_call.c). A slower build of the library leaves less: with
 * -O0 the driver alone takes 807. The data sheet's 6.6 nJ for an addition of 32 numbers, 26 cycles of the
 * module's current, speak for little, too.
 */
enum { START_CYCLES = 244 };

/* The numbers that TI's header has a command for. */
static bool is_command(unsigned number)
{
    static const uint64_t known[2] = {UINT64_C(0x0DF5AA97FFEFB555), 0xFAFF};
    return number < 128u && (known[number / 64u] >> number % 64u & 1u) != 0;
}

bool lea_option(struct machine *m, const char *text)
{
    unsigned vector, start, size;
    if (sscanf(text, "%x:%x:%x", &vector, &start, &size) != 3 || vector > 63u || start >= SPACE || size > SPACE - start)
        return false;
    m->lea.present = true;
    m->lea.vector = vector;
    m->lea.low = start;
    m->lea.high = start + size;
    m->lea.start_cycles = START_CYCLES;
    return true;
}

/* In a low-power mode the interrupt waits for active mode, unless LEAILPM is set. */
void lea_update(struct machine *m)
{
    struct lea *u = &m->lea;
    bool held = (m->r[SR] & SR_CPUOFF) && !(u->cnf0 & LEAILPM);
    if (u->present)
        interrupt(m, u->vector, (u->ifg & u->ie) != 0 && !held);
}

/* While a command runs its RAM is no plain memory, so that accesses are noticed. */
static void watch(struct machine *m, bool on)
{
    for (uint32_t word = m->lea.low >> 1; word < m->lea.high >> 1; word++)
        m->kind[word] = (uint8_t)((m->kind[word] & ~(KIND_RAM | KIND_LEA)) | (on ? KIND_LEA : KIND_RAM));
}

static uint64_t passed_cycles(const struct machine *m)
{
    const struct lea *u = &m->lea;
    uint64_t now = clock_now(m), passed = now > u->since_ps ? (now - u->since_ps) / m->clock.mclk_ps : 0;
    return passed < u->left ? passed : u->left;
}

uint64_t lea_worked(const struct machine *m)
{
    return m->lea.worked + (m->lea.busy ? passed_cycles(m) : 0);
}

void lea_stop(struct machine *m)
{
    if (!m->lea.busy)
        return;
    m->lea.worked = lea_worked(m);
    m->lea.busy = false;
    watch(m, false);
}

void lea_clear(struct lea *u)
{
    u->faults = u->cmctl = u->pmctl = u->ifg = u->ie = 0;
    u->stack = u->destination = u->source1 = u->source0 = u->command = 0;
    for (int i = 0; i < 4; i++)
        u->status[i] = 0;
}

void lea_reset(struct machine *m)
{
    lea_stop(m);
    lea_clear(&m->lea);
    m->lea.cnf0 = 0;
}

/* Assumed: a command with a mistake ends as others do, its flag beside that of completion, for which DSPLib waits. */
static void finish(struct machine *m)
{
    struct lea *u = &m->lea;
    lea_stop(m);
    if (u->error == 0)
        lea_mac_compute(m);
    u->ifg |= (uint16_t)(u->error | (u->command & INTERRUPTS ? LEAPMCMD : 0u));
    u->refusals += u->error != 0;
    u->faults |= DONE | FREE;
    lea_update(m);
    energy_update(m);
}

uint64_t lea_due(const struct machine *m)
{
    return m->lea.busy ? m->lea.since_ps + m->lea.left * m->clock.mclk_ps : NEVER;
}

void lea_synchronize(struct machine *m)
{
    struct lea *u = &m->lea;
    if (!u->busy)
        return;
    if (lea_due(m) <= clock_now(m)) {
        finish(m);
        return;
    }
    uint64_t passed = passed_cycles(m);
    u->worked += passed;
    u->left -= passed;
    u->since_ps += passed * m->clock.mclk_ps;
}

void lea_event(struct machine *m)
{
    lea_synchronize(m);
    if (m->lea.ifg != 0)
        lea_update(m); /* active mode may have been entered */
}

void lea_asleep(struct machine *m)
{
    if (!m->lea.busy)
        return;
    if (m->r[SR] & (SR_SCG0 | SR_SCG1 | SR_OSCOFF))
        stop(m, "unsimulated", "a low-power mode below LPM0 while the LEA, which needs MCLK, runs a command");
    if (!(m->lea.cnf0 & LEALPR))
        stop(m, "unsimulated", "LPM0 while the LEA runs a command, without LEALPR in LEACNF0");
}

/* SLASE54D, detailed description: processor and accelerator run independently "unless they access the same system RAM".
 * Who waits then, and for how long, is not documented, so every such access is counted and none is delayed; only
 * instructions that are fetched from there are not seen. A result whose operands change meanwhile, or that somebody
 * else writes to, is undefined.
 */
void lea_accessed(struct machine *m, uint32_t address, bool write)
{
    lea_synchronize(m);
    if (!m->lea.busy)
        return;
    m->lea.conflicts++;
    if (write && m->lea.error == 0 && lea_mac_uses(m, address))
        m->lea.mac.disturbed = true;
}

/* What lies at the output until the command is over is nobody's to use. */
static void begin(struct machine *m)
{
    struct lea *u = &m->lea;
    u->error = lea_mac_read(m);
    u->commands++;
    u->busy = true;
    u->since_ps = clock_now(m) + m->now->cycles * m->clock.mclk_ps; /* the register is written in the last cycle */
    u->left = u->start_cycles + (u->error == 0 ? lea_mac_cycles(m) : 0);
    u->status[0] = u->command;
    u->status[1] = u->source1;
    u->status[2] = u->source0;
    u->status[3] = u->destination;
    for (unsigned i = 0; u->error == 0 && !u->mac.disturbed && i < 4u; i++)
        m->memory[u->mac.output + i] = (uint8_t)(random_word(m) >> 32);
    watch(m, true);
    energy_update(m);
}

/* Assumed: a command that comes while another runs is lost, and LEACOVLIFG says so. */
void lea_command(struct machine *m)
{
    struct lea *u = &m->lea;
    unsigned number = u->command >> 2 & 0xFFu;
    if (!(u->pmctl & LEACMDEN) || (u->cmctl & LEACMAE))
        return;
    if (number == SUSPEND || number == RESUME)
        stop(m, "unsimulated", "LEA commands are not suspended in the simulated device");
    if (u->busy) {
        u->ifg |= LEACOVL;
        u->refusals++;
    } else if (!is_command(number)) {
        u->faults |= COMMAND_FAULT;
        u->refusals++;
    } else if (number != MAC || (u->command & EXPLICIT_RESULT)) {
        u->faults |= COMMAND_FAULT;
        u->refusals++;
        stop(m, "unsimulated", "LEA command 0x%03x: of the commands only MAC, 0x054, is simulated", number << 2);
    } else {
        begin(m);
    }
}
