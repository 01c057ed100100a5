"""Random sequences of instructions of every format and addressing mode, outside the known defects of GDB's simulator.

After every instruction all registers are pushed and the status goes to a table of its own: that is the trace. Defects
of binutils-gdb's sim/msp430, each with what SLAU367 says instead (its words in quotes, "recalled" where not looked up):

- V is kept in bit 7 of SR, and RETI restores 8 bits; in the figure of SR V is bit 8 and SCG1 bit 7.
- SUB, SUBA and SUBX never set V; SR's table: set when "Positive - Negative = Negative", "Negative - Positive =
  Positive".
- RRC and RRCX set V where the result is negative; 4.6.2.41: "V: Reset".
- SXT and SXTX clear C; "C: Set if result is not zero, reset otherwise (C = .not.Z)". SXT of a register clears bits
  19:16; "Register mode: the sign of the low byte of the operand is extended into the bits Rdst.19:8".
- SWPBX.A clears bits 19:16 of a register, which stay as they are (recalled).
- @Rn+ with a destination through the same register, or in an instruction that writes its operand back, increments
  between reading and writing the destination, or twice; a byte @SP+ leaves SP odd (recalled: SP is always even).
- The 16-bit index of symbolic mode and of CALLA X(Rn) is taken without its sign; 4.4.3: "The sign-extended 16-bit index
  in the next word after the instruction is added to the 20 bits of the PC".
- DADDX.A has four digits; ZC works with RRCX alone ("The executed instruction uses the carry bit as 0"); RPT with PUSHX
  pushes other registers.
- A word at an odd address is not aligned (recalled: bit 0 of a word's address is ignored).
"""

import random
import struct

import machine_code as mc
from machine_code import (
    ABS,
    ADD,
    ADDC,
    AND,
    AT,
    BIC,
    BIS,
    BIT,
    CMP,
    CONST,
    DADD,
    EDE,
    IMM,
    INC,
    MOV,
    PC,
    PUSH,
    RRA,
    RRC,
    SP,
    SR,
    SUB,
    SUBC,
    SWPB,
    SXT,
    XOR,
    A,
    B,
    R,
    W,
    X,
)

LOW, HIGH = (0xA000, 0x2000), (0x10000, 0x4000)  # the windows of data, (start, size)
FLAGS = 0x44000  # where the status words are collected
RECORD = 48  # bytes on the stack: R4 to R15
WIDTHS = {B: 1, W: 2, A: 4}


class Sequence:
    """``words`` from ``base`` on; ``masks[i]`` are the bits of SR that can be compared in record i."""

    def __init__(self, seed, base, count):
        self.random = random.Random(seed)
        self.base, self.words, self.masks = base, [], []
        self.overflow_known = True
        while len(self.masks) < count:
            self.step()

    @property
    def here(self):
        return self.base + 2 * len(self.words)

    def add(self, words):
        self.words += words

    def record(self, mask=0x107):
        if not self.overflow_known:
            mask &= ~0x100
        self.add(mc.two(MOV, R(SR), ABS(FLAGS + 2 * len(self.masks)), W, extended=True))
        self.add(mc.pushm(12, 15, A))
        self.masks.append(mask)

    def register(self, *others):
        return self.random.choice([n for n in range(4, 16) if n not in others])

    def target(self, size):
        start, length = self.random.choice((LOW, HIGH))
        at = start + self.random.randrange(8, length - 8)
        return at if size == B else at & ~1

    def constant(self, n, value):
        """A register gets a value, without flags."""
        self.add(mc.mova(IMM(value), R(n)))

    def memory(self, size, extended, *others, increment=True, words_before=1):
        """An operand in memory, with the instructions before it that make it valid; and the register it uses."""
        r = self.random
        at = self.target(size)
        n = self.register(*others)
        kinds = ["index", "index", "at", "absolute", "symbolic"] + ["increment"] * increment
        kind = r.choice(kinds)
        if kind in ("at", "increment"):
            self.constant(n, at)
            return (AT(n) if kind == "at" else INC(n)), n
        if kind == "index" and extended:
            x = r.randrange(0x100000)
            self.constant(n, (at - x) & 0xFFFFF)
            return X(x, n), n
        if kind == "index":
            x = r.randrange(-0x8000, 0x8000)
            base = (at - x) & 0xFFFF if at < 0x10000 else at - x
            if (at >= 0x10000) != (base >= 0x10000):
                x, base = 6, at - 6
            self.constant(n, base)
            return X(x, n), n
        where = self.here + 2 * words_before
        if kind == "symbolic" and extended:
            return EDE((at - where) & 0xFFFFF), None
        if kind == "symbolic" and 0 <= at - where < 0x8000:
            return EDE(at - where), None
        if not extended:
            at = LOW[0] + (at & (LOW[1] - 1) & ~1)
        return ABS(at), None

    def operand(self, size, extended, *others, words_before):
        """A source: register, constant, immediate or memory."""
        kind = self.random.random()
        if kind < 0.3:
            return R(self.register()), None
        if kind < 0.4:
            return CONST(self.random.choice((0, 1, 2, 4, 8, -1))), None
        if kind < 0.5:
            return IMM(self.random.getrandbits(20) & (0xFFFFF if extended else 0xFFFF)), None
        return self.memory(size, extended, *others, words_before=words_before)

    def step(self):
        r = self.random
        kind = r.choices(
            (self.two, self.one, self.jump, self.address, self.stack, self.shift, self.decimal, self.sign, self.flow),
            (40, 12, 5, 14, 10, 6, 3, 3, 4),
        )[0]
        kind()

    def flags(self, op):
        if op in (SUB,):
            self.overflow_known = False
        elif op not in (MOV, BIC, BIS):
            self.overflow_known = True

    def two(self):
        r = self.random
        op = r.choice((MOV, ADD, ADDC, SUBC, SUB, CMP, BIT, BIC, BIS, XOR, AND))
        extended = r.random() < 0.5
        size = r.choice((B, W, A) if extended else (B, W))
        dst = None
        if r.random() < 0.4:
            dst, used = self.memory(size, extended, increment=False, words_before=0)
            if dst.mode == 2 or dst.reg == PC:
                dst = ABS(LOW[0] + r.randrange(8, LOW[1] - 8) // 2 * 2)
                used = None
            src = R(self.register()) if r.random() < 0.5 else IMM(r.getrandbits(20 if extended else 16))
            if r.random() < 0.5 and size != B and dst.reg != SP:
                other = self.register(used)
                self.constant(other, self.target(size))
                src = r.choice((AT, INC))(other)
        else:
            src, used = self.operand(size, extended, words_before=2 if extended else 1)
            dst = R(self.register(used) if src.mode == 3 else self.register())
        options = {}
        if extended and src.mode == 0 and dst.mode == 0 and r.random() < 0.5:
            by_register = r.random() < 0.3
            options = {"repeat": self.register() if by_register else r.randrange(16), "by_register": by_register}
        self.add(mc.two(op, src, dst, size, extended=extended, **options))
        self.flags(op)
        self.record()

    def one(self):
        r = self.random
        op = r.choice((RRC, RRA, SWPB))
        extended = r.random() < 0.5
        size = W if op == SWPB else r.choice((B, W, A) if extended else (B, W))
        if r.random() < 0.5:
            options = {}
            if extended and r.random() < 0.5:
                options = {"repeat": r.randrange(16), "zero_carry": op == RRC and r.random() < 0.5}
            self.add(mc.one(op, R(self.register()), size, extended=extended, **options))
        else:
            dst, _ = self.memory(size, extended, increment=False, words_before=2 if extended else 1)
            self.add(mc.one(op, dst, size, extended=extended))
        if op != SWPB:
            self.overflow_known = op == RRA
        self.record()

    def jump(self):
        conditions = [mc.JNZ, mc.JZ, mc.JNC, mc.JC, mc.JN, mc.JMP] + [mc.JGE, mc.JL] * self.overflow_known
        self.add(mc.jump(self.random.choice(conditions), 1))
        self.add(mc.two(XOR, R(self.register()), R(self.register())))
        self.overflow_known = False  # the skipped instruction may have set it
        self.record()

    def address(self):
        r = self.random
        kind = r.randrange(8)
        n, other = r.sample(range(4, 16), 2)
        if kind < 3:
            op = r.choice((CMP, ADD, SUB))
            self.add(mc.alu_a(op, r.choice((R(other), IMM(r.getrandbits(20)))), n))
            self.flags(op)
        elif kind == 3:
            self.add(mc.mova(r.choice((R(other), IMM(r.getrandbits(20)))), R(n)))
        elif kind == 4:
            self.constant(other, self.target(A))
            self.add(mc.mova(r.choice((AT, INC))(other), R(n)))
        elif kind == 5:
            self.add(mc.mova(ABS(self.target(A)), R(n)))
        elif kind == 6:
            self.add(mc.mova(R(n), ABS(self.target(A))))
        else:
            x = r.randrange(-0x8000, 0x8000)
            self.constant(other, (self.target(A) - x) & 0xFFFFF)
            self.add(r.choice((mc.mova(X(x & 0xFFFF, other), R(n)), mc.mova(R(n), X(x & 0xFFFF, other)))))
        self.record()

    def stack(self):
        r = self.random
        kind = r.randrange(6)
        size = r.choice((W, A))
        n = r.randrange(1, 13)
        if kind == 0:
            self.add(mc.pushm(n, r.randrange(3 + n, 16), size))
        elif kind == 1:
            self.add(mc.popm(n, r.randrange(3 + n, 16), size))
        elif kind == 2:
            extended = r.random() < 0.5
            width = r.choice((B, W, A) if extended else (B, W))
            src, _ = self.operand(width, extended, words_before=2 if extended else 1)
            self.add(mc.one(PUSH, src, width, extended=extended))
        elif kind == 3:
            self.add(mc.two(MOV, INC(SP), R(self.register()), size))
        elif kind == 4:
            self.add(mc.two(r.choice((MOV, ADD, XOR)), X(r.randrange(0, 64, 2), SP), R(self.register()), size))
            self.overflow_known = False
        else:
            self.add(mc.two(MOV, R(self.register()), X(r.randrange(-64, 64, 2) & 0xFFFF, SP), W))
        self.record()

    def shift(self):
        op = self.random.choice((mc.RRCM, mc.RRAM, mc.RLAM, mc.RRUM))
        self.add(mc.many_shift(op, self.random.randrange(1, 5), self.register(), self.random.choice((W, A))))
        self.overflow_known = op in (mc.RRAM, mc.RRUM)
        self.record()

    def decimal(self):
        r = self.random
        n, other = r.sample(range(4, 16), 2)
        digits = [int("".join(r.choices("0123456789", k=4)), 16) for _ in range(2)]
        self.constant(n, digits[0])
        self.constant(other, digits[1])
        self.add(mc.two(DADD, R(other), R(n), r.choice((B, W)), extended=r.random() < 0.5))
        self.overflow_known = False
        self.record()

    def sign(self):
        """What differs is made equal again: C, and bits 19:16."""
        n = self.register()
        extended = self.random.random() < 0.5
        self.add(mc.one(SXT, R(n), W, extended=extended))
        self.add(mc.two(self.random.choice((BIS, BIC)), CONST(1), R(SR)))
        self.add(mc.two(MOV, R(n), R(n)))
        self.overflow_known = True
        self.record()

    def flow(self):
        """Calls and returns that go on behind themselves."""
        r = self.random
        kind = r.randrange(6)
        n = self.register()
        if kind == 0:
            self.add(mc.calla(IMM(self.here + 4)))
        elif kind == 1:
            self.constant(n, self.here + 6)
            self.add(mc.calla(R(n)))
        elif kind == 2:
            at = self.target(A)
            self.constant(n, self.here + 16)
            self.add(mc.mova(R(n), ABS(at)))
            x = r.randrange(0, 0x8000, 2)
            self.constant(n, at - x if at >= x else at)
            self.add(mc.calla(X(x if at >= x else 0, n)))
            self.add(mc.NOP)
        elif kind == 3:
            self.add(mc.one(PUSH, IMM(self.here + 8), A))
            self.add(mc.RETA)
        elif kind == 4:
            self.add(mc.mova(IMM(self.here + 4), R(PC)))
        else:
            at = self.here + 10
            self.add(mc.one(PUSH, IMM(at & 0xFFFF)))
            self.add(mc.one(PUSH, IMM((at >> 16) << 12 | r.randrange(8))))
            self.add(mc.RETI)
            self.overflow_known = False
        self.record()


def sequence_elf(seed, base, count, stack):
    """(ELF file, masks): it runs ``count`` random steps, writes status words, data and stack out, and ends."""
    sequence = Sequence(seed, base, count)
    r = random.Random(~seed)
    start = [*mc.HOLD_WATCHDOG, *mc.mova(IMM(stack - 0x1000), R(SP)), *mc.two(MOV, CONST(0), R(SR))]
    for n in range(4, 16):
        start += mc.mova(IMM(r.getrandbits(20)), R(n))
    start += mc.mova(IMM(base), R(PC))
    end = []
    low = stack - 0x5000 - count * (RECORD + 10)
    for at, size in ((FLAGS, 2 * count), LOW, HIGH, (low, stack - low)):
        for chunk in range(at, at + size, 0x4000):
            length = min(0x4000, at + size - chunk)
            end += mc.two(MOV, CONST(1), R(12)) + mc.mova(IMM(chunk), R(13)) + mc.mova(IMM(length), R(14))
            end += mc.calla(IMM(0x185))
    end += mc.two(MOV, CONST(0), R(12)) + mc.calla(IMM(0x181))
    words = [*sequence.words, *end]
    segments = {
        0x4000: mc.program(start),
        base: struct.pack(f"<{len(words)}H", *words),
        LOW[0]: r.randbytes(LOW[1]),
        HIGH[0]: r.randbytes(HIGH[1]),
        FLAGS: bytes(2 * count),
        low: bytes(stack - low),
    }
    return mc.elf(segments), sequence.masks
