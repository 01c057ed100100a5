"""MPY32: SLAU367's worked examples, a slow model of it, and when results are ready."""

import random
import struct

import machine_code as mc
import pytest
from machine_code import ABS, ADD, AT, CONST, IMM, MOV, B, R, W
from multiplier import CTL0, MAC, MACS, MPY, MPY32L, MPYS, OP2, OP2H, OP2L, RES0, SUMEXT, Model, signed

RESULTS = 0x10000


def write(address, value, size=W):
    return mc.two(MOV, IMM(value), ABS(address), size)


def read(address, n):
    return mc.two(MOV, ABS(address), R(n))


def results(execute, *parts, wait=0):
    """RES0 to RES3, SUMEXT and MPY32CTL0 after some writes."""
    end = [read(RES0 + 2 * i, 5 + i) for i in range(4)]
    result, _ = execute(*parts, *[mc.NOP] * wait, *end, read(SUMEXT, 9), read(CTL0, 10), mc.HALT)
    assert result.stopped == "halted", result.message
    return result.registers[5:11]


@pytest.mark.parametrize(
    ("operation", "first", "second", "size", "expected", "extension"),
    [  # SLAU367P 5.2.3
        (MPY, 0x1234, 0x5678, W, 0x1234 * 0x5678, 0),
        (MPY, 0x12, 0x34, B, 0x12 * 0x34, 0),
        (MPYS, 0x1234, 0x5678, W, 0x1234 * 0x5678, 0),
        (MPYS, 0x12, 0x34, B, 0x12 * 0x34, 0),
        (MPYS, 0x80, 0x7F, B, -128 * 127, 0xFFFF),
        (MPYS, 0xFF, 0xFF, B, 1, 0),
        (MPYS, 0x8000, 0x8000, W, 1 << 30, 0),
        (MPY, 0xFFFF, 0xFFFF, W, 0xFFFF * 0xFFFF, 0),
        (MPY, 0xFF, 0xFF, B, 0xFF * 0xFF, 0),
    ],
)
def test_single_products(execute, operation, first, second, size, expected, extension):
    found = results(execute, write(operation, first, size), write(OP2, second, size))
    assert found[0] | found[1] << 16 == expected & 0xFFFFFFFF
    assert found[4] == extension


def test_bytes_and_words_mixed(execute):
    """The firmware's loop: an 8-bit weight, a 16-bit activation, accumulated."""
    pairs = [(0x80, 0x7FFF), (0x7F, 0x8000), (0xFF, 0x1234), (0x05, 0xFFFE)]
    parts = [write(MPYS, 0), write(OP2, 0)]
    for weight, value in pairs:
        parts += [write(MACS, weight, B), write(OP2, value)]
    found = results(execute, *parts)
    total = sum(signed(w, 8) * signed(v, 16) for w, v in pairs)
    assert found[0] | found[1] << 16 == total & 0xFFFFFFFF and found[4] == 0xFFFF


def test_macs_goes_on_from_mpys(execute):
    found = results(execute, write(MPYS, 3), write(OP2, 5), write(MACS, 2), write(OP2, 0xFFFF))
    assert found[0] | found[1] << 16 == 13


def test_thirty_two_bits(execute):
    """SLAU367P 5.2.3: 32x32 unsigned; and 5.2.5: 32x24."""
    first, second = [write(MPY32L, 0x1234), write(MPY32L + 2, 0x1234)], [write(OP2L, 0x5678), write(OP2H, 0x5678)]
    found = results(execute, *first, *second, wait=5)
    product = 0x12341234 * 0x56785678
    assert found[:4] == tuple(product >> s & 0xFFFF for s in (0, 16, 32, 48))


def test_mixed_sizes_while_saturating(execute):
    """SLAU367P 5.2.5, both examples."""
    start = [
        write(CTL0, 8),
        write(MPY32L, 0x52C5),
        write(MPY32L + 2, 0x6153),
        write(OP2L, 0x01AB),
        write(OP2H, 0x23, B),
    ]
    found = results(execute, *start, wait=5)
    assert found[:4] == (0x0E97, 0xA6EA, 0x4F06, 0x000D) and not found[5] & 1
    found = results(execute, *start, *[mc.NOP] * 5, write(MACS, 0xCCC3), write(OP2, 0xFFB6))
    assert found[:2] == (0xFFFF, 0x7FFF)
    zero = [write(RES0 + 2 * i, 0) for i in (3, 2, 1, 0)]
    found = results(execute, *zero, write(CTL0, 9), write(MACS, 0x82, B), write(OP2, 0x4F, B))
    assert found[:2] == (0x0000, 0x8000)


def test_fractions_while_saturating(execute):
    """SLAU367P 5.2.4: a preloaded result, and -1.0 x -1.0."""
    load = [write(RES0 + 6, 0), write(RES0 + 4, 0), write(RES0 + 2, 0x7FFF), write(RES0, 0xFA60)]
    found = results(execute, write(CTL0, 12), *load, write(MACS, 0x50, B), write(OP2, 0x12, B))
    assert found[:2] == (0xFFFF, 0x7FFF)
    found = results(execute, write(CTL0, 12), write(MPYS, 0x8000), write(OP2, 0x8000))
    assert found[:2] == (0xFFFF, 0x7FFF)
    found = results(execute, write(CTL0, 4), write(MPYS, 0x4000), write(OP2, 0x4000))
    assert found[:2] == (0x0000, 0x2000)


def operand(r, width):
    """(writes as (offset, value, size) from a base, the value)"""
    value = r.choice((r.getrandbits(width), 0, (1 << width) - 1, 1 << (width - 1), (1 << (width - 1)) - 1))
    if width <= 16:
        return [(0, value, B if width == 8 else W)], value
    return [(0, value & 0xFFFF, W), (2, value >> 16, B if width == 24 else W)], value


@pytest.mark.parametrize("modes", [0, 4, 8, 12])
def test_against_a_slow_model(execute, modes):
    """Chains of operations of every size, each chain of one result width, results stored one after the other."""
    r = random.Random(modes)
    model, parts, expected = Model(), [mc.mova(IMM(RESULTS), R(4)), write(CTL0, modes)], []
    for _ in range(60):
        wide = r.random() < 0.5
        mode_first = r.choice((0, 1))
        for step in range(r.randrange(1, 6)):
            mode = mode_first if step == 0 else mode_first | r.choice((0, 2, 2))
            widths = (r.choice((24, 32)), r.choice((8, 16, 24, 32))) if wide else (r.choice((8, 16)), r.choice((8, 16)))
            (first, a), (second, b) = operand(r, widths[0]), operand(r, widths[1])
            base = (MPY32L + 4 * mode) if widths[0] > 16 else MPY + 2 * mode
            parts += [write(base + o, v, s) for o, v, s in first]
            base = OP2L if widths[1] > 16 else OP2
            parts += [write(base + o, v, s) for o, v, s in second]
            if mode & 1:
                a, b = signed(a, widths[0]), signed(b, widths[1])
            model.operate(mode, a, b, wide, modes)
            parts += [mc.NOP] * 9
            words = model.read(modes)
            for i, word in enumerate(words):
                parts += [mc.two(MOV, ABS(RES0 + 2 * i), mc.X(0, 4)), mc.alu_a(ADD, IMM(2), 4)]
                expected.append(word)
            parts += [mc.two(MOV, ABS(CTL0), mc.X(0, 4)), mc.alu_a(ADD, IMM(2), 4)]
            expected.append(("carry", model.carry))
            if not modes & 4:
                parts += [mc.two(MOV, ABS(SUMEXT), mc.X(0, 4)), mc.alu_a(ADD, IMM(2), 4)]
                expected.append(model.extension)
    result, memory = execute(*parts, mc.HALT, segments={0x10000: bytes(4)}, memory=True)
    assert result.stopped == "halted" and result.early_multiplier_reads == 0
    found = struct.unpack_from(f"<{len(expected)}H", memory, RESULTS)
    found = [("carry", f & 1) if isinstance(e, tuple) else f for f, e in zip(found, expected, strict=True)]
    assert found == expected


@pytest.mark.parametrize(("nops", "early"), [(0, 1), (1, 0)])
def test_indirect_reads_are_early(execute, nops, early):
    """A 16x16 result takes three cycles: @Rn reads after two, &RESLO after three."""
    start = [mc.mova(IMM(RES0), R(4)), write(MPY, 7), write(OP2, 9), write(MPY, 3), write(OP2, 5)]
    result, _ = execute(*start, *[mc.NOP] * nops, mc.two(MOV, AT(4), R(5)), mc.HALT)
    assert result.early_multiplier_reads == early
    assert result.registers[5] == (63 if early else 15)
    result, _ = execute(*start, read(RES0, 5), mc.HALT)
    assert result.early_multiplier_reads == 0 and result.registers[5] == 15


def test_long_results_are_early_too(execute):
    start = [write(MPY32L, 7), write(MPY32L + 2, 1), write(OP2L, 9), write(OP2H, 2)]
    result, _ = execute(*start, read(RES0 + 6, 5), mc.HALT)
    assert result.early_multiplier_reads == 1
    result, _ = execute(*start, read(RES0, 5), read(RES0 + 6, 6), mc.HALT)
    assert result.early_multiplier_reads == 0


def test_delayed_writes_wait(execute):
    start = [write(MPY32L, 7), write(MPY32L + 2, 1), write(OP2L, 9), write(OP2H, 2)]
    plain, _ = execute(*start, write(MPY, 1), mc.HALT)
    delayed, _ = execute(write(CTL0, 0x100), *start, write(MPY, 1), mc.HALT)
    assert delayed.wait_cycles == 2 and delayed.cycles == plain.cycles + 4 + 2


def test_preloaded_results_and_carry(execute):
    found = results(execute, write(RES0, 0xFFFF), write(RES0 + 2, 0xFFFF), write(MAC, 1), write(OP2, 1))
    assert found[:2] == (0, 0) and found[4] == 1 and found[5] & 1
    found = results(execute, write(MAC, 0), write(CTL0, 0x21), mc.two(MOV, CONST(0), R(4)))
    assert found[4] == 1 and found[5] & 0x30 == 0x20
