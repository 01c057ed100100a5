"""Short programs for the low-energy accelerator, and what its MAC gives by the model in device/lea_mac.c."""

import struct

import machine_code as mc
from machine_code import ABS, BIC, BIS, CONST, IMM, MOV, SP, SR, R

CNF0, CNF1, CMCTL, CMDSTAT, PMCTL, PMS1, PMS0, PMCB = 0xA84, 0xA88, 0xA9C, 0xAA8, 0xAC0, 0xAC8, 0xACC, 0xAD0
IFGSET, IE, IFG, IV = 0xAF0, 0xAF4, 0xAF8, 0xAFC
COVL, OOR, SDI, COMPLETE = 1, 4, 8, 0x10
MAC, WITH_INTERRUPT = 0x54, 2
START = 244  # cycles of a command besides its elements, fitted; START_CYCLES in device/lea.c

FRAM, FIRST, SECOND, OUTPUT, BLOCK = 0x8000, 0x2C00, 0x3000, 0x3800, 0x3AC8
ROUTINE, VECTOR = 0x5000, 0xFFB4
SLEEP = mc.two(BIS, IMM(0x18), R(SR))  # LPM0, interrupts enabled


def word(address, value):
    return mc.two(MOV, IMM(value), ABS(address))


def copy(source, target, words):
    """A block transfer of the DMA."""
    return [mc.two(MOV, IMM(source), ABS(0x512), mc.A), mc.two(MOV, IMM(target), ABS(0x516), mc.A),
            word(0x51A, words), word(0x510, 0x1F10), mc.two(BIS, CONST(1), ABS(0x510))]  # fmt: skip


def enable(cnf0=0x500, ie=COMPLETE):
    """As DSPLib does, LEALPR and LEAILPM included; the stack lies outside the accelerator's RAM."""
    return [mc.two(MOV, IMM(0x2800), R(SP)), word(CNF0, cnf0), word(PMCTL, 1), word(IE, ie)]


def operands(length, first=FIRST, second=SECOND, output=OUTPUT, block=BLOCK):
    """The parameter block and the registers that point to it and to the first vector."""
    return [word(block, length), word(block + 2, second >> 2), word(block + 4, output >> 2),
            word(PMS0, first >> 2), word(PMS1, block >> 2)]  # fmt: skip


def start(command=MAC | WITH_INTERRUPT):
    return word(PMCB, command)


# R9 and R10 are what LEAIV gives first and then.
RETURN = mc.program(mc.two(MOV, ABS(IV), R(9)), mc.two(MOV, ABS(IV), R(10)),
                    mc.two(BIC, IMM(0x10), mc.X(0, SP)), mc.RETI)  # fmt: skip
DONE = [mc.two(BIC, CONST(8), R(SR)), mc.HALT]
RESULT = [mc.two(MOV, ABS(OUTPUT), R(5)), mc.two(MOV, ABS(OUTPUT + 2), R(6)), mc.two(MOV, ABS(CNF1), R(7)),
          mc.two(MOV, ABS(CNF1 + 2), R(8)), *DONE]  # fmt: skip
WAIT = [mc.two(mc.BIT, CONST(1), ABS(CNF1)), mc.jump(mc.JNZ, -3)]


def segments(first=(), second=()):
    """The vectors in FRAM, one behind the other, and the interrupt's routine."""
    data = struct.pack(f"<{len(first) + len(second)}h", *first, *second)
    return {FRAM: data or bytes(2), ROUTINE: RETURN, VECTOR: struct.pack("<H", ROUTINE)}


def load(length):
    return [*copy(FRAM, FIRST, length), *copy(FRAM + 2 * length, SECOND, length)]


def signed32(low, high):
    value = low | high << 16
    return value - (1 << 32) if value >> 31 else value


def product(first, second):
    """(Twice the sum of the products, held in 32 bits at each of them; whether it had to be held)."""
    total, held = 0, False
    for x, y in zip(first, second, strict=True):
        total += 2 * x * y
        inside = max(-(1 << 31), min((1 << 31) - 1, total))
        held = held or inside != total
        total = inside
    return total, held
