"""MSP430X instructions as words, by SLAU367's chapter CPUX, and ELF files made of them: no assembler is needed."""

import struct

PC, SP, SR, CG = range(4)
MOV, ADD, ADDC, SUBC, SUB, CMP, DADD, BIT, BIC, BIS, XOR, AND = range(4, 16)
RRC, SWPB, RRA, SXT, PUSH, CALL = range(6)
JNZ, JZ, JNC, JC, JN, JGE, JL, JMP = range(8)
B, W, A = "b", "w", "a"
RRCM, RRAM, RLAM, RRUM = range(4)


class Operand:
    """``mode`` is the As field, ``reg`` the register, ``extra`` the word that follows (20 bits), or None."""

    def __init__(self, mode, reg, extra=None):
        self.mode, self.reg, self.extra = mode, reg, extra


def R(n):
    return Operand(0, n)


def X(offset, n):
    return Operand(1, n, offset & 0xFFFFF)


def EDE(offset):
    return X(offset, PC)


def ABS(address):
    return Operand(1, SR, address)


def AT(n):
    return Operand(2, n)


def INC(n):
    return Operand(3, n)


def IMM(value):
    return Operand(3, PC, value & 0xFFFFF)


def CONST(value):
    mode, reg = {0: (0, 3), 1: (1, 3), 2: (2, 3), -1: (3, 3), 4: (2, 2), 8: (3, 2)}[value]
    return Operand(mode, reg)


def _extras(*operands):
    return [o.extra & 0xFFFF for o in operands if o.extra is not None]


def _extension(size, upper_src, upper_dst, registers, repeat, by_register, zero_carry):
    word = 0x1800 | (0 if size == A else 0x40)
    if registers:
        return word | zero_carry << 8 | by_register << 7 | repeat
    return word | upper_src << 7 | upper_dst


def _upper(operand):
    return 0 if operand.extra is None else operand.extra >> 16


def two(op, src, dst, size=W, *, extended=False, repeat=0, by_register=False, zero_carry=False):
    """A Format I instruction; ``repeat`` is the count - 1, or the register with it."""
    extended = extended or size == A
    word = op << 12 | src.reg << 8 | (dst.mode & 1) << 7 | (size != W) << 6 | src.mode << 4 | dst.reg
    registers = src.mode == 0 and dst.mode == 0
    words = [word, *_extras(src, dst)]
    if extended:
        words.insert(0, _extension(size, _upper(src), _upper(dst), registers, repeat, by_register, zero_carry))
    return words


def one(op, dst, size=W, *, extended=False, repeat=0, by_register=False, zero_carry=False):
    """A Format II instruction."""
    extended = extended or size == A
    bw = size == B or (size == A and op not in (SWPB, SXT))
    words = [0x1000 | op << 7 | bw << 6 | dst.mode << 4 | dst.reg, *_extras(dst)]
    if extended:
        words.insert(0, _extension(size, _upper(dst), 0, dst.mode == 0, repeat, by_register, zero_carry))
    return words


def jump(condition, words):
    """``words`` counts from the instruction that follows."""
    return [0x2000 | condition << 10 | (words & 0x3FF)]


def mova(src, dst):
    """MOVA in the form that fits the operands."""
    if dst.mode == 1 and dst.reg == SR:
        return [0x0060 | src.reg << 8 | dst.extra >> 16, dst.extra & 0xFFFF]
    if dst.mode == 1:
        return [0x0070 | src.reg << 8 | dst.reg, dst.extra & 0xFFFF]
    if src.mode == 3 and src.reg == PC:
        return [0x0080 | (src.extra >> 16) << 8 | dst.reg, src.extra & 0xFFFF]
    if src.mode == 1 and src.reg == SR:
        return [0x0020 | (src.extra >> 16) << 8 | dst.reg, src.extra & 0xFFFF]
    form = {0: 0xC0, 1: 0x30, 2: 0x00, 3: 0x10}[src.mode]
    return [form | src.reg << 8 | dst.reg, *_extras(src)]


def alu_a(op, src, dst):
    """CMPA, ADDA or SUBA with a register or an immediate."""
    form = {CMP: 0x90, ADD: 0xA0, SUB: 0xB0}[op]
    if src.mode == 3:
        return [form | (src.extra >> 16) << 8 | dst, src.extra & 0xFFFF]
    return [form + 0x40 | src.reg << 8 | dst]


def many_shift(op, n, reg, size=W):
    return [(n - 1) << 10 | op << 8 | (0x50 if size == W else 0x40) | reg]


def pushm(n, reg, size=W):
    return [(0x1500 if size == W else 0x1400) | (n - 1) << 4 | reg]


def popm(n, reg, size=W):
    return [(0x1700 if size == W else 0x1600) | (n - 1) << 4 | (reg - n + 1)]


def calla(dst):
    if dst.mode == 3 and dst.reg == PC:
        return [0x13B0 | dst.extra >> 16, dst.extra & 0xFFFF]
    if dst.mode == 1 and dst.reg == SR:
        return [0x1380 | dst.extra >> 16, dst.extra & 0xFFFF]
    if dst.mode == 1 and dst.reg == PC:
        return [0x1390 | dst.extra >> 16, dst.extra & 0xFFFF]
    return [0x1340 | dst.mode << 4 | dst.reg, *_extras(dst)]


RETI = [0x1300]
RET = two(MOV, INC(SP), R(PC))
RETA = mova(INC(SP), R(PC))
NOP = two(MOV, CONST(0), R(CG))
HALT = jump(JMP, -1)
HOLD_WATCHDOG = two(MOV, IMM(0x5A80), ABS(0x15C))


def program(*parts):
    """Instructions one after the other as bytes."""
    words = [word for part in parts for word in part]
    return struct.pack(f"<{len(words)}H", *words)


def elf(segments, entry=0x4000):
    """An ELF file with a segment and a section for each (address, bytes), and the reset vector set to ``entry``."""
    segments = sorted({**segments, 0xFFFE: struct.pack("<H", entry)}.items())
    count = len(segments)
    names = b"\0.seg\0.shstrtab\0"
    at = 52 + 32 * count
    heads, bodies, sections = b"", b"", bytes(40)
    for address, data in segments:
        heads += struct.pack("<8I", 1, at, address, address, len(data), len(data), 7, 1)
        sections += struct.pack("<10I", 1, 1, 7, address, at, len(data), 0, 0, 1, 0)
        bodies += data
        at += len(data)
    sections += struct.pack("<10I", 6, 3, 0, 0, at, len(names), 0, 0, 1, 0)
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    head = ident + struct.pack(
        "<HHIIIIIHHHHHH", 2, 105, 1, entry, 52, at + len(names), 0, 52, 32, count, 40, count + 2, count + 1
    )
    return head + heads + bodies + names + sections


# Sends a byte at 115200 baud from the reset clock of 1 MHz, then sleeps until the host sends something.
GREET_AND_SLEEP = [
    HOLD_WATCHDOG,
    two(BIC, CONST(1), ABS(0x130)),  # LOCKLPM5
    two(MOV, IMM(3), ABS(0x20D), B),  # P2SEL1
    two(MOV, IMM(8), ABS(0x5C6)),
    two(MOV, IMM(0xD600), ABS(0x5C8)),
    two(MOV, IMM(0x80), ABS(0x5C0)),
    two(MOV, IMM(0x55), ABS(0x5CE)),
    two(BIS, IMM(0x18), R(SR)),
    HALT,
]
ASLEEP_AT = 6 + 4 + 5 * 6 + 4
