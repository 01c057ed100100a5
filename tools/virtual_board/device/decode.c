/* Instruction words to what executes them. Encodings: SLAU367, chapter CPUX, "Instruction Format". */

#include "decode.h"

#include "semihost.h"

static void indexed(struct reader *in, uint8_t *mode, uint32_t *x, unsigned n, bool extended, uint32_t upper)
{
    uint32_t at = in->next;
    uint32_t value = extra_word(in, upper);
    if (n == SR) {
        *mode = BY_ABSOLUTE;
        *x = value;
    } else if (n == PC) { /* symbolic: relative to the word itself */
        *mode = BY_ABSOLUTE;
        *x = extended ? (at + value) & TOP : (at + signed16(value)) & (at < 0x10000u ? 0xFFFFu : TOP);
    } else {
        *mode = extended ? BY_INDEX20 : BY_INDEX;
        *x = extended ? value : signed16(value);
    }
}

static void source(struct reader *in, struct insn *d, unsigned as, unsigned n, bool extended, uint32_t upper)
{
    static const uint32_t generated[2][4] = {{0, 0, 4, 8}, {0, 1, 2, TOP}};
    d->sreg = (uint8_t)n;
    if (n == CG || (n == SR && as >= 2u)) {
        d->smode = BY_CONSTANT;
        d->sx = generated[n - SR][as];
    } else if (as == 0) {
        d->smode = BY_REGISTER;
    } else if (as == 1u) {
        indexed(in, &d->smode, &d->sx, n, extended, upper);
    } else if (n == PC && as == 3u) {
        d->smode = BY_CONSTANT;
        d->sx = extra_word(in, upper);
    } else if (n == PC) { /* @PC: the word that follows, which is not skipped */
        d->smode = BY_ABSOLUTE;
        d->sx = in->next;
    } else {
        d->smode = as == 2u ? BY_POINTER : BY_INCREMENT;
    }
}

static enum cost_source cost_class(const struct insn *d, unsigned as, unsigned n)
{
    if (d->smode == BY_CONSTANT)
        return n == PC ? FROM_IMMEDIATE : FROM_REGISTER;
    if (d->smode == BY_REGISTER)
        return FROM_REGISTER;
    return as == 1u ? FROM_INDEX : FROM_POINTER;
}

/* RPT and ZC of an instruction whose operands are all registers. */
static void repetition(struct insn *d, uint32_t extension, bool uses_carry)
{
    d->count = (uint8_t)(extension & 0xFu);
    d->by_register = (extension & 0x80u) != 0;
    d->zero_carry = (extension & 0x100u) != 0 && uses_carry;
    if (d->count != 0 || d->by_register || d->zero_carry) {
        d->once = d->run;
        d->run = run_many;
    }
}

static void two_operands(struct reader *in, struct insn *d, uint32_t word, bool extended, uint32_t extension)
{
    unsigned operation = word >> 12, from = word >> 8 & 0xFu, as = word >> 4 & 3u, to = word & 0xFu;
    bool registers = as == 0 && !(word & 0x80u);
    bool byte = (word & 0x40u) != 0;
    d->size = extended && !(extension & 0x40u) ? ADDRESS : byte ? BYTE : WORD;
    if (d->size == ADDRESS && !byte) {
        d->run = run_illegal;
        return;
    }
    source(in, d, as, from, extended, registers ? 0 : extension >> 7 & 0xFu);
    d->dreg = (uint8_t)to;
    d->dmode = BY_REGISTER;
    if (word & 0x80u)
        indexed(in, &d->dmode, &d->dx, to, extended, extension & 0xFu);
    bool to_memory = d->dmode != BY_REGISTER;
    d->run = format_one(operation, d->size, in_memory(d->smode), to_memory);
    d->cycles = cost_one(operation, d->size, extended, cost_class(d, as, from), to_memory, to == PC);
    if (extended && registers)
        repetition(d, extension, operation == ADDC || operation == SUBC || operation == DADD);
}

static void one_operand(struct reader *in, struct insn *d, uint32_t word, bool extended, uint32_t extension)
{
    unsigned operation = word >> 7 & 7u, as = word >> 4 & 3u, n = word & 0xFu;
    bool byte = (word & 0x40u) != 0;
    bool fixed = operation == SWPB || operation == SXT || operation == CALL; /* no byte form */
    if (fixed)
        d->size = extended && !(extension & 0x40u) ? ADDRESS : WORD;
    else
        d->size = extended && !(extension & 0x40u) ? ADDRESS : byte ? BYTE : WORD;
    if ((fixed && byte) || (d->size == ADDRESS && !fixed && !byte) || (operation == CALL && extended)) {
        d->run = run_illegal;
        return;
    }
    source(in, d, as, n, extended, as == 0 ? 0 : extension >> 7 & 0xFu);
    d->run = format_two(operation, d->size, in_memory(d->smode));
    d->cycles = cost_two(operation, d->size, extended, d->smode, d->smode == BY_INCREMENT, as == 1u && n == SR,
                         as == 1u && n == SP);
    if (extended && as == 0 && operation != PUSH)
        repetition(d, extension, operation == RRC);
}

static void stack_many(struct insn *d, uint32_t word)
{
    d->size = word & 0x100u ? WORD : ADDRESS;
    d->count = (uint8_t)(word >> 4 & 0xFu);
    d->sreg = (uint8_t)(word & 0xFu);
    d->cycles = (uint8_t)(2u + (d->size == ADDRESS ? 2u : 1u) * (d->count + 1u));
    d->run = word & 0x200u ? pop_many(d->size) : push_many(d->size);
}

static void dispatch(struct reader *in, struct insn *d, uint32_t word, bool extended, uint32_t extension)
{
    if (word >= 0x4000u) {
        two_operands(in, d, word, extended, extension);
    } else if (word >= 0x1000u && word < 0x1300u) {
        one_operand(in, d, word, extended, extension);
    } else if (extended || (word >= 0x1800u && word < 0x2000u)) {
        d->run = run_illegal;
    } else if (word >= 0x2000u) {
        uint32_t offset = ((word & 0x3FFu) ^ 0x200u) - 0x200u;
        d->sx = (in->next + 2u * offset) & TOP;
        d->run = jump_on(word >> 10 & 7u);
        d->cycles = 2;
    } else if (word >= 0x1400u) {
        stack_many(d, word);
    } else if (word == 0x1300u) {
        d->run = run_reti;
        d->cycles = 5;
    } else if (word >= 0x1340u) {
        decode_calla(in, d, word);
    } else if (word < 0x1000u) {
        decode_address(in, d, word);
    } else {
        d->run = run_illegal;
    }
}

/* What the MPU forbids to execute reads as a jump to itself. */
static bool may_run(struct machine *m, uint32_t address)
{
    struct insn *d = &m->code[address >> 1];
    bool fram = (m->kind[address >> 1] & (KIND_FRAM | KIND_GUARDED)) != 0;
    if (!fram || mpu_allows(m, address, MPU_EXECUTE))
        return true;
    d->run = jump_on(7);
    d->sx = address;
    d->words = 1;
    d->cycles = 2;
    return false;
}

void decode(struct machine *m, uint32_t address)
{
    static const struct insn nothing;
    struct insn *d = &m->code[address >> 1];
    struct reader in = {m, address};
    uint8_t kind = m->kind[address >> 1];
    if (!(kind & (KIND_RAM | KIND_LEA | KIND_FRAM | KIND_ROM | KIND_GUARDED)))
        stop(m, "unmapped", "instruction at 0x%05x, where the simulated device has no memory", (unsigned)address);
    *d = nothing;
    if (m->mpu.on && !may_run(m, address))
        return;
    uint32_t word = take(&in);
    bool extended = word >= 0x1800u && word < 0x2000u;
    uint32_t first = word;
    if (extended)
        word = take(&in);
    dispatch(&in, d, word, extended, extended ? first : 0);
    if (d->run == run_illegal) {
        d->sx = first;
        d->dx = address;
    }
    if (m->semihosting && m->io_hook != 0 && address == m->io_hook && d->run != run_many) {
        d->once = d->run;
        d->run = run_request;
    }
    d->words = (uint8_t)(((in.next - address) & TOP) >> 1);
    d->read_at = (uint8_t)((d->smode == BY_POINTER || d->smode == BY_INCREMENT ? 2u : 3u) + (extended ? 1u : 0u));
    d->in_fram = (kind & KIND_FRAM) != 0;
    for (unsigned i = 0; i < d->words; i++) {
        uint32_t at = (address + 2u * i) & TOP;
        if (!(m->kind[at >> 1] & (KIND_RAM | KIND_LEA | KIND_FRAM | KIND_ROM)))
            stop(m, "unmapped", "instruction at 0x%05x reaches beyond the memory", (unsigned)address);
        m->kind[at >> 1] |= KIND_CODE;
    }
}
