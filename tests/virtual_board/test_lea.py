"""The low-energy accelerator: its results, flags, interrupt and time, and what becomes of it when the power fails."""

import random

import accelerator as lea
import machine_code as mc
import pytest
from accelerator import word
from machine_code import ABS, BIS, CMP, CONST, IMM, MOV, SR, B, R

from sparsecomp.boards import load_board
from sparsecomp_tools.virtual_board import Failure

NJ_PER_CYCLE = 0.258  # 86 uA/MHz at 3 V
MEGAHERTZ_16 = [word(0x140, 0xA510), mc.two(MOV, IMM(0xA5), ABS(0x161), B), word(0x166, 0), word(0x162, 0x48)]


def dot(execute, first, second, *before, **options):
    """The result as the processor finds it after sleeping; (the number, RunResult)."""
    n = len(first)
    code = [*before, *lea.enable(), *lea.load(n), *lea.operands(n), lea.start(), lea.SLEEP, *lea.RESULT]
    result, _ = execute(*code, segments=lea.segments(first, second), **options)
    assert result.stopped == "halted", result.message
    return lea.signed32(*result.registers[5:7]), result


@pytest.mark.parametrize("n", [2, 16, 100, 254, 512])
def test_a_dot_product_of_bytes_and_words_is_exact(execute, n):
    """All int8 weights and int16 values up to 254 taps, the whole of them: half of the result is the integer sum."""
    chance = random.Random(n)
    for weights in ([-128] * n, [chance.randint(-128, 127) for _ in range(n)]):
        x = [-32768] * n if weights[0] == -128 and n <= 254 else [chance.randint(-32768, 32767) for _ in range(n)]
        found, result = dot(execute, x, weights)
        assert (found, False) == lea.product(x, weights) and found >> 1 == sum(map(int.__mul__, x, weights))
        assert result.lea_saturations == result.lea_conflicts == result.lea_refusals == 0 and result.lea_commands == 1


@pytest.mark.parametrize("seed", range(6))
def test_words_by_words_are_held_in_32_bits(execute, seed):
    chance = random.Random(seed)
    n = 2 * chance.randint(1, 100)
    extremes = (-32768, -32767, -1, 0, 1, 32767)
    x = [chance.choice(extremes) if seed % 2 else chance.randint(-32768, 32767) for _ in range(n)]
    w = [chance.choice(extremes) if seed % 2 else chance.randint(-300, 300) for _ in range(n)]
    found, result = dot(execute, x, w)
    assert (found, bool(result.lea_saturations)) == lea.product(x, w)


def test_the_largest_products(execute):
    assert dot(execute, [-32768, 0], [-32768, 0])[0] == 2**31 - 1  # twice 2^30 is one too many
    assert dot(execute, [-32768, 0], [-32767, 0])[0] == 2 * 32768 * 32767
    found, result = dot(execute, [-32768] * 4, [-32768, -32768, 32767, 32767])
    assert found == 2**31 - 1 - 4 * 32768 * 32767 and result.lea_saturations == 1  # held twice, in one result


def test_it_wakes_the_processor_from_lpm0_after_the_time_of_the_fit(execute):
    ones = [1] * 512
    for clock, ps in (([], 1_000_000), (MEGAHERTZ_16, 62_500)):
        asleep = {}
        for n in (2, 100, 512):
            found, result = dot(execute, ones[:n], ones[:n], *clock)
            assert found == 2 * n and result.interrupts == 1 and result.registers[9:11] == (10, 0)
            assert result.registers[7] == 0x10 and result.registers[8] & 3 == 3  # ready; done, free
            assert result.lea_cycles == lea.START + 3 * n // 2
            assert result.ledger["lea"] == pytest.approx(NJ_PER_CYCLE * result.lea_cycles)
            asleep[n] = result.sleep_picoseconds / ps
        assert asleep[512] - asleep[100] == 1.5 * 412 and asleep[100] - asleep[2] == 1.5 * 98
        assert lea.START - 3 <= asleep[100] - 150 <= lea.START  # it had begun before the processor slept


def test_the_processor_goes_on_beside_it(execute):
    """Counting in active mode takes the same time, and the processor's current beside the accelerator's."""
    n = 512
    count = [mc.two(mc.ADD, CONST(1), R(11)), *lea.WAIT[:1], mc.jump(mc.JNZ, -4)]
    code = [*lea.enable(ie=0), *lea.load(n), *lea.operands(n), mc.two(MOV, CONST(0), R(11)), lea.start(), *count]
    result, _ = execute(*code, *lea.RESULT, segments=lea.segments([3] * n, [-5] * n))
    assert lea.signed32(*result.registers[5:7]) == -30 * n and result.sleep_picoseconds == 0
    assert 6 * result.registers[11] == pytest.approx(lea.START + 768, abs=12) and result.lea_conflicts == 0
    assert result.ledger["lea"] == pytest.approx(NJ_PER_CYCLE * (lea.START + 768))


def test_its_clock_is_mclk_whenever_that_changes(execute):
    """1 MHz at first, 8 MHz in the middle."""
    n, faster = 512, [mc.two(MOV, IMM(0xA5), ABS(0x161), B), word(0x166, 0)]
    begin = [*lea.enable(ie=0), *lea.load(n), *lea.operands(n)]
    data = {"segments": lea.segments([1] * n, [1] * n)}
    idle, _ = execute(*begin, *faster, *lea.WAIT, mc.HALT, **data)
    result, _ = execute(*begin, lea.start(), *faster, *lea.WAIT, mc.HALT, **data)
    assert result.lea_cycles == lea.START + 768 and result.lea_refusals == 0
    assert result.cycles - idle.cycles == pytest.approx(lea.START + 768, abs=16)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"length": 15}, lea.SDI),
        ({"length": 0}, lea.SDI),
        ({"first": 0x2BFC}, lea.OOR),
        ({"first": 0x3BFC}, lea.OOR),  # it begins inside
        ({"second": 0x4000}, lea.OOR),
        ({"second": 0xA000 << 2}, lea.OOR),  # the accelerator's table of constants is not simulated
        ({"output": 0x1C00}, lea.OOR),
        ({"output": 0x3C00}, lea.OOR),
    ],
)
def test_what_is_wrong_with_the_operands(execute, change, flag):
    parts = lea.operands(**{"length": 16, **change})
    code = [*lea.enable(ie=lea.COMPLETE | flag), word(lea.OUTPUT, 0x1234), *parts, lea.start(), lea.SLEEP, *lea.RESULT]
    result, _ = execute(*code, segments=lea.segments())
    number = {lea.OOR: 6, lea.SDI: 8}[flag]
    assert result.registers[9:11] == (number, 10) and result.lea_refusals == 1
    assert result.registers[5] == 0x1234 and result.lea_conflicts == 0


def test_a_parameter_block_outside(execute):
    code = [*lea.enable(), word(lea.PMS0, 0xB00), word(lea.PMS1, 0x1C00 >> 2), lea.start(), *lea.WAIT]
    result, _ = execute(*code, mc.two(MOV, ABS(lea.IFG), R(5)), mc.HALT, segments=lea.segments())
    assert result.registers[5] == lea.OOR | lea.COMPLETE and result.lea_refusals == 1


def test_an_address_has_no_room_for_its_lowest_bits(execute):
    """Nothing can be flagged: the vector begins at the address below that is divisible by 4."""
    code = [*lea.enable(), *lea.load(4), *lea.operands(4, first=lea.FIRST + 2), lea.start(), lea.SLEEP, *lea.RESULT]
    result, _ = execute(*code, segments=lea.segments([1, 10, 100, 1000], [1, 1, 1, 1]))
    assert result.registers[5] == 2 * 1111


def test_a_command_that_comes_too_early_is_lost(execute):
    code = [*lea.enable(ie=0), *lea.load(8), *lea.operands(8), lea.start(), lea.start(), *lea.WAIT]
    code += [mc.two(MOV, ABS(lea.IFG), R(9)), word(lea.IFG, lea.COVL), mc.two(MOV, ABS(lea.IFG), R(10))]
    result, _ = execute(*code, *lea.RESULT, segments=lea.segments([2] * 8, [3] * 8))
    assert result.registers[9:11] == (lea.COVL | lea.COMPLETE, lea.COMPLETE) and result.registers[5] == 96
    assert result.lea_commands == 1 and result.lea_refusals == 1


def test_commands_that_are_none_and_those_that_are_not_simulated(execute):
    begin = [*lea.enable(ie=0), *lea.operands(8)]
    none, _ = execute(*begin, lea.start(4), *lea.WAIT, *lea.RESULT)
    assert none.registers[7] == 0x10 and none.registers[8] == 0x40 and none.lea_commands == 0
    for command in (0x18, 0x34, 0x100, 0x134, 0x55, 0x00):  # FIR, MPYMATRIXROW, MACMATRIX, MAC3...
        result, _ = execute(*begin, lea.start(command), mc.HALT)
        assert result.stopped == "unsimulated" and "LEA command" in result.message
    for off in (word(lea.PMCTL, 0), word(lea.CMCTL, 1), word(lea.CNF0, 1)):
        result, _ = execute(*begin, off, lea.start(), *lea.WAIT, mc.HALT)
        assert result.stopped == "halted" and result.lea_commands == 0


def test_flags_can_be_set_and_masked(execute):
    take = [word(lea.IE, lea.SDI), word(lea.IFGSET, lea.SDI | lea.OOR), mc.two(BIS, CONST(8), R(SR)), mc.NOP, mc.NOP]
    read = [mc.two(MOV, ABS(lea.IFG), R(5)), word(lea.IV, 0), mc.two(MOV, ABS(lea.IFG), R(6)), *lea.DONE]
    result, _ = execute(*lea.enable(), *take, *read, segments=lea.segments())
    assert result.registers[9:11] == (8, 0) and result.registers[5:7] == (lea.OOR, 0) and result.interrupts == 1


@pytest.mark.parametrize(("cnf0", "ie"), [(0x100, lea.COMPLETE), (0x500, 0), (0x500, lea.OOR)])
def test_without_its_interrupt_nothing_wakes_the_processor(execute, cnf0, ie):
    code = [*lea.enable(cnf0, ie), *lea.load(8), *lea.operands(8), lea.start(), lea.SLEEP, *lea.RESULT]
    result, _ = execute(*code, segments=lea.segments([1] * 8, [1] * 8))
    assert result.stopped == "asleep" and result.lea_commands == 1


@pytest.mark.parametrize(("cnf0", "mode"), [(0x500, 0x98), (0x500, 0xD8), (0x400, 0x18)])
def test_a_mode_in_which_nobody_knows_what_it_does(execute, cnf0, mode):
    code = [*lea.enable(cnf0), *lea.operands(8), lea.start(), mc.two(BIS, IMM(mode), R(SR)), mc.HALT]
    result, _ = execute(*code, segments=lea.segments())
    assert result.stopped == "unsimulated" and "LEA" in result.message


ACCESSES = {
    "read": ([mc.two(MOV, ABS(lea.FIRST), R(11))], 1, True),
    "read a byte": ([mc.two(MOV, ABS(lea.FIRST + 1), R(11), B)], 1, True),
    "elsewhere": ([word(0x3700, 5)], 1, True),
    "an operand": ([word(lea.SECOND + 14, 5)], 1, False),
    "its parameters": ([word(lea.BLOCK, 5)], 1, False),
    "its output": ([word(lea.OUTPUT, 5)], 1, False),
    "DMA elsewhere": (lea.copy(lea.FRAM, 0x3700, 6), 6, True),
    "DMA into an operand": (lea.copy(lea.FRAM, lea.FIRST, 6), 6, False),
    "SRAM": ([word(0x1D00, 5)], 0, True),
}


@pytest.mark.parametrize("kind", ACCESSES)
def test_accesses_to_its_ram_while_it_works_are_counted(execute, kind):
    """Where they touch what it works on, nobody knows the result."""
    access, conflicts, known = ACCESSES[kind]
    found = set()
    for seed in (1, 2):
        code = [*lea.enable(), *lea.load(8), *lea.operands(8), lea.start(), *access, lea.SLEEP, *lea.RESULT]
        result, _ = execute(*code, segments=lea.segments([1] * 8, [1] * 8), seed=seed)
        assert result.stopped == "halted" and result.lea_conflicts == conflicts
        found.add(lea.signed32(*result.registers[5:7]))
    assert found == {16} if known else len(found) == 2


def test_its_output_is_nobodys_before_it_is_done(execute):
    early = [mc.two(MOV, ABS(lea.OUTPUT), R(11))]
    code = [*lea.enable(), *lea.load(8), word(lea.OUTPUT, 16), *lea.operands(8), lea.start(), *early, lea.SLEEP]
    result, _ = execute(*code, *lea.RESULT, segments=lea.segments([1] * 8, [1] * 8))
    assert result.registers[5] == 16 != result.registers[11]


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("where", ["asleep", "awake"])
def test_the_power_fails_while_it_works(execute, where, again):
    """Everything in its RAM is lost: a program that loads its operands again gets the right result, and one that loads
    the first vector only once does not.
    """
    n = 64
    first = lea.copy(lea.FRAM, lea.FIRST, n)
    words = sum(len(part) for part in first)
    once = [mc.two(CMP, CONST(0), ABS(0x9000)), mc.jump(mc.JNZ, words)] if not again else []
    mark = word(0x9000, 1)
    code = [*lea.enable(), *once, *first, mark, *lea.copy(lea.FRAM + 2 * n, lea.SECOND, n), *lea.operands(n)]
    code += [lea.start(), *([lea.SLEEP] if where == "asleep" else lea.WAIT), *lea.RESULT]
    data = {"segments": {**lea.segments([7] * n, [9] * n), 0x9000: bytes(2)}}
    whole, _ = execute(*code, **data)
    assert lea.signed32(*whole.registers[5:7]) == 126 * n
    if where == "awake":
        failure = Failure("cycle", whole.cycles - 150)
    else:
        failure = Failure("energy", int(whole.energy_nj - NJ_PER_CYCLE * 150 - 20))
    result, _ = execute(*code, **data, failure=failure)
    assert result.power_failures == 1 and result.stopped == "halted" and result.lea_commands == 2
    assert lea.START + 96 < result.lea_cycles < 2 * (lea.START + 96)
    assert (lea.signed32(*result.registers[5:7]) == 126 * n) == again


def test_a_reset_ends_its_command(execute):
    """The watchdog bites: RAM stays, the command is gone, and its output is not what was there before."""
    look = [mc.two(MOV, ABS(lea.CNF1), R(7)), mc.two(MOV, ABS(lea.OUTPUT), R(5)), mc.HALT]
    count = [mc.two(mc.ADD, CONST(1), ABS(0x9000)), mc.two(CMP, CONST(1), ABS(0x9000))]
    code = [*count, mc.jump(mc.JZ, sum(map(len, look))), *look]
    code += [*lea.enable(), word(lea.OUTPUT, 16), *lea.load(8), *lea.operands(8), lea.start(), word(0x15C, 0x1234)]
    data = {**lea.segments([1] * 8, [1] * 8), 0x9000: bytes(2)}
    result, _ = execute(*code, segments=data)
    assert result.stopped == "halted" and result.resets == 2 and result.power_failures == 0
    assert result.registers[7] == 0x10 and result.registers[5] != 16 and 0 < result.lea_cycles < 10


def test_which_devices_have_one(execute):
    small = load_board("msp430fr5992")
    assert dot(execute, [5, 6], [7, 8], board=small)[0] == 166
    for name in ("msp430fr5969", "msp430fr6989"):
        result, _ = execute(lea.start(), mc.HALT, board=load_board(name), entry=0x4400)
        assert result.stopped == "unmapped" and "0x00ad0" in result.message
