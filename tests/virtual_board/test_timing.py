"""Cycles of every instruction and addressing mode: SLAU445I, tables 4-8 to 4-19, transcribed."""

import machine_code as mc
import pytest
from machine_code import ABS, ADD, AT, BIT, CMP, CONST, EDE, IMM, INC, MOV, PC, PUSH, SUB, SWPB, SXT, A, B, R, W, X

DATA = 0x1D00
SETUP = [mc.mova(IMM(DATA), R(n)) for n in (5, 6)] + [mc.mova(IMM(0x3800), R(1))]
SETUP += [mc.one(PUSH, IMM(0x5000)), mc.one(PUSH, CONST(0))]  # what RETI finds
HERE = 0x4000 + len(mc.program(mc.HOLD_WATCHDOG, *SETUP))  # where the measured instruction lies

SOURCES = {"Rn": R(5), "#1": CONST(1), "@Rn": AT(5), "@Rn+": INC(5), "#N": IMM(0x1234), "X(Rn)": X(2, 5),
           "EDE": EDE(DATA - HERE - 2), "&EDE": ABS(DATA)}  # fmt: skip
DESTINATIONS = {"X(Rm)": X(4, 6), "EDE": EDE(0x100), "&EDE": ABS(DATA + 8)}
EXTENDED = {"EDE": EDE(DATA - HERE - 4)}

# source: (Rm, memory; extended .B/.W: Rm, memory; .A: Rm, memory), memory with the read of the destination
FORMAT_ONE = {
    "Rn": (1, 4, 2, 5, 2, 7), "#1": (1, 4, 2, 5, 2, 7), "@Rn": (2, 5, 3, 6, 4, 9), "@Rn+": (2, 5, 3, 6, 4, 9),
    "#N": (2, 5, 3, 6, 3, 8), "X(Rn)": (3, 6, 4, 7, 5, 10), "EDE": (3, 6, 4, 7, 5, 10), "&EDE": (3, 6, 4, 7, 5, 10),
}  # fmt: skip
# operand: (shift, PUSH, CALL; extended .W: shift, PUSH; .A: shift, PUSH), None where there is none
FORMAT_TWO = {
    "Rn": (1, 3, 4, 2, 4, 2, 5), "@Rn": (3, 3, 4, 4, 4, 6, 6), "@Rn+": (3, 3, 4, 4, 4, 6, 6),
    "#N": (None, 3, 4, None, 4, None, 5), "X(Rn)": (4, 4, 5, 5, 5, 7, 7), "EDE": (4, 4, 5, 5, 5, 7, 7),
    "&EDE": (4, 4, 6, 5, 5, 7, 7),
}  # fmt: skip


def cases():
    for name, counts in FORMAT_ONE.items():
        source = SOURCES[name]
        long_source = EXTENDED.get(name, source)
        for op in (ADD, MOV, CMP, BIT, SUB):
            less = 1 if op in (MOV, CMP, BIT) else 0
            for size, k in ((B, 0), (W, 0)):
                yield f"{op} {size} {name},Rm", mc.two(op, source, R(7), size), counts[k]
                yield f"{op}X {size} {name},Rm", mc.two(op, long_source, R(7), size, extended=True), counts[2]
            yield f"{op}X a {name},Rm", mc.two(op, long_source, R(7), A), counts[4]
            for to, target in DESTINATIONS.items():
                yield f"{op} {name},{to}", mc.two(op, source, target), counts[1] - less
                extended = mc.two(op, long_source, target, extended=True)
                yield f"{op}X {name},{to}", extended, counts[3] - less
                yield f"{op}X a {name},{to}", mc.two(op, long_source, target, A), counts[5] - 2 * less
    for name, counts in FORMAT_TWO.items():
        operand, long_operand = SOURCES[name], EXTENDED.get(name, SOURCES[name])
        if counts[0] is not None:
            for op in (mc.RRC, mc.RRA, SWPB, SXT):
                yield f"{op} {name}", mc.one(op, operand), counts[0]
                yield f"{op}X {name}", mc.one(op, long_operand, extended=True), counts[3]
                yield f"{op}X a {name}", mc.one(op, long_operand, A), counts[5]
        yield f"PUSH {name}", mc.one(PUSH, operand), counts[1]
        yield f"PUSHX {name}", mc.one(PUSH, long_operand, extended=True), counts[4]
        yield f"PUSHX a {name}", mc.one(PUSH, long_operand, A), counts[6]
        yield f"CALL {name}", mc.one(mc.CALL, operand), counts[2]
    yield "PUSHX X(SP)", mc.one(PUSH, X(2, 1), extended=True), 6
    yield "PUSHX a X(SP)", mc.one(PUSH, X(2, 1), A), 8
    # to the program counter: Format I, then extended .W and .A with one less for MOV, ADD and SUB where it is marked
    table = {"Rn": (3, 4, 4, 0), "@Rn": (4, 5, 6, 0), "@Rn+": (4, 5, 6, 0), "#N": (3, 4, 4, 1), "X(Rn)": (5, 6, 7, 1),
             "&EDE": (5, 6, 7, 1)}  # fmt: skip
    for name, (plain, word, address, less) in table.items():
        source = SOURCES[name]
        for op in (MOV, ADD, SUB, mc.AND):
            yield f"{op} {name},PC", mc.two(op, source, R(PC)), plain
            yield f"{op}X {name},PC", mc.two(op, source, R(PC), extended=True), word
            yield f"{op}X a {name},PC", mc.two(op, source, R(PC), A), address - (0 if op == mc.AND else less)
    for n in range(1, 5):
        for op in (mc.RRCM, mc.RRAM, mc.RLAM, mc.RRUM):
            for size in (W, A):
                yield f"RRxM {op} {size} #{n}", mc.many_shift(op, n, 7, size), n
    for n in (1, 2, 7, 12):
        yield f"PUSHM #{n}", mc.pushm(n, 15), 2 + n
        yield f"PUSHM.A #{n}", mc.pushm(n, 15, A), 2 + 2 * n
        yield f"POPM #{n}", mc.popm(n, 15), 2 + n
        yield f"POPM.A #{n}", mc.popm(n, 15, A), 2 + 2 * n
    for n in (1, 2, 9, 16):
        yield f"RPT #{n} ADDX", mc.two(ADD, R(5), R(6), W, extended=True, repeat=n - 1), n + 1
        yield f"RPT #{n} RRAX", mc.one(mc.RRA, R(6), A, repeat=n - 1), n + 1
        yield f"RPT Rn RRCX {n}", mc.one(mc.RRC, R(6), W, extended=True, repeat=5, by_register=True), 2
    calls = {"Rn": (R(5), 5), "@Rn": (AT(5), 6), "@Rn+": (INC(5), 6), "#N": (IMM(0x4000), 5), "X(Rn)": (X(2, 5), 5),
             "X(SP)": (X(2, 1), 6), "EDE": (EDE(0x20), 7), "&EDE": (ABS(DATA), 7)}  # fmt: skip
    for name, (operand, cycles) in calls.items():
        yield f"CALLA {name}", mc.calla(operand), cycles
    moves = {"Rn": (R(5), 1, 3), "@Rn": (AT(5), 3, 5), "@Rn+": (INC(5), 3, 5), "#N": (IMM(0x4000), 2, 3),
             "X(Rn)": (X(2, 5), 4, 6), "&EDE": (ABS(DATA), 4, 6)}  # fmt: skip
    for name, (operand, cycles, to_pc) in moves.items():
        yield f"MOVA {name},Rm", mc.mova(operand, R(7)), cycles
        yield f"MOVA {name},PC", mc.mova(operand, R(PC)), to_pc
    yield "MOVA Rn,X(Rm)", mc.mova(R(5), X(2, 6)), 4
    yield "MOVA Rn,&EDE", mc.mova(R(5), ABS(DATA)), 4
    for op in (CMP, ADD, SUB):
        yield f"{op}A Rn", mc.alu_a(op, R(5), 7), 1
        yield f"{op}A #N", mc.alu_a(op, IMM(5), 7), 3
    yield "ADDA Rn,PC", mc.alu_a(ADD, R(5), PC), 3
    yield "SUBA Rn,PC", mc.alu_a(SUB, R(5), PC), 3
    for condition in range(8):
        yield f"J {condition}", mc.jump(condition, 5), 2
    yield "RET", mc.RET, 4
    yield "RETA", mc.RETA, 5
    yield "RETI", mc.RETI, 5
    yield "NOP", mc.NOP, 1


@pytest.mark.parametrize(("words", "cycles"), [pytest.param(w, c, id=i) for i, w, c in cases()])
def test_cycles(execute, words, cycles):
    result, _ = execute(*SETUP, words, instruction_limit=len(SETUP) + 2)
    assert result.stopped == "instruction limit", result.message
    # a reset 4, the watchdog 5, constants 2 each, two PUSHes
    assert result.cycles == 4 + 4 + 3 * 2 + 2 * 3 + cycles


def test_an_interrupt_takes_six(execute):
    """The watchdog as a timer of 64 ticks of SMCLK: six cycles later its service routine runs."""
    routine = {0xFFF2: (0x5000).to_bytes(2, "little"), 0x5000: mc.program(mc.HALT)}
    setup = [
        mc.two(MOV, IMM(0x3800), R(1)),
        mc.two(MOV, CONST(1), ABS(0x100)),
        mc.two(MOV, IMM(0x5A1F), ABS(0x15C)),
        mc.two(MOV, IMM(0x0008), R(2)),
    ]
    nops = [mc.NOP] * 80
    for count in range(60, 80):
        result, _ = execute(*setup, *nops, segments=routine, instruction_limit=count)
        if result.interrupts:
            break
    before, _ = execute(*setup, *nops, segments=routine, instruction_limit=count - 1)
    assert result.interrupts == 1
    assert result.cycles - before.cycles == 1 + 6  # the last NOP before it, too
