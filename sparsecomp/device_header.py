"""board.h: the registers' addresses and settings that the firmware takes from the board file."""

from __future__ import annotations

from typing import Any

from sparsecomp.board_parts import check_pin
from sparsecomp.boards import Board
from sparsecomp.errors import InputError

# CSCTL1 for a clock in Hz: DCORSEL 0x40, DCOFSEL in bits 3:1 (SLASE54D, TI's header 1.206).
DCO = {1_000_000: 0x00, 4_000_000: 0x06, 8_000_000: 0x0C, 16_000_000: 0x48}

# UCBRS for a fractional part of clock / baud: the table "UCBRSx Settings" of SLAU367 chapter eUSCI, recalled; the rows
# that TI's examples use are in agreement.
MODULATION = (
    (0.0000, 0x00), (0.0529, 0x01), (0.0715, 0x02), (0.0835, 0x04), (0.1001, 0x08), (0.1252, 0x10), (0.1430, 0x20),
    (0.1670, 0x11), (0.2147, 0x21), (0.2224, 0x22), (0.2503, 0x44), (0.3000, 0x25), (0.3335, 0x49), (0.3575, 0x4A),
    (0.3753, 0x52), (0.4003, 0x92), (0.4286, 0x53), (0.4378, 0x55), (0.5002, 0xAA), (0.5715, 0x6B), (0.6003, 0xAD),
    (0.6254, 0xB5), (0.6432, 0xB6), (0.6667, 0xD6), (0.7001, 0xB7), (0.7147, 0xBB), (0.7503, 0xDD), (0.7861, 0xED),
    (0.8004, 0xEE), (0.8333, 0xBF), (0.8464, 0xDF), (0.8572, 0xEF), (0.8751, 0xF7), (0.9004, 0xFB), (0.9170, 0xFD),
    (0.9288, 0xFE),
)  # fmt: skip
ROUNDING = 0.0003  # TI's examples take 0.3335 for 1/3


def has_serial(board: Board) -> bool:
    """Whether the firmware for this board speaks over a serial line (it needs a timer as well)."""
    return not board.is_host and board.serial is not None and board.timer is not None


def baud_registers(clock_hz: int, baud: int) -> tuple[int, int]:
    """UCBRW and UCAxMCTLW for a rate, by the user guide's recipe. Raises InputError where the clock is too slow."""
    ratio = clock_hz / baud
    if ratio < 3 or ratio >= 16 * 0x10000:
        raise InputError(f"no {baud} baud from a clock of {clock_hz} Hz", "take a lower baud rate, or a faster clock")
    fraction = ratio - int(ratio) + ROUNDING
    modulation = max(entry for entry in MODULATION if entry[0] <= fraction)[1] << 8
    if ratio < 16:
        return int(ratio), modulation
    return int(ratio / 16), modulation | int(ratio % 16) << 4 | 1  # oversampling, UCOS16


def device_header(board: Board) -> dict[str, Any]:
    """What board.h.j2 fills in. Raises InputError where the firmware has no setting for the board's clock."""
    assert board.serial is not None and board.timer is not None
    if board.clock_hz not in DCO:
        clocks = ", ".join(f"{hz:,}" for hz in DCO).replace(",", "_")
        raise InputError(f"the firmware has no setting for a clock of {board.clock_hz} Hz", f"clock_hz: {clocks}")
    brw, mctlw = baud_registers(board.clock_hz, board.serial.baud)
    pins = [("UART_TX", board.serial.tx, "sends"), ("UART_RX", board.serial.rx, "receives")]
    if board.marks is not None:
        pins += [("MARK_INFERENCE", board.marks.inference, "high while an inference runs")]
        pins += [("MARK_LAYER", board.marks.layer, "toggles at each layer")]
    return {
        "clock_hz": board.clock_hz,
        "csctl1": f"{DCO[board.clock_hz]:#06x}",
        "wait_states": board.fram.wait_states,
        "uart": f"{board.serial.base:#06x}",
        "uart_name": board.serial.uart,
        "brw": brw,
        "mctlw": f"{mctlw:#06x}",
        "baud": board.serial.baud,
        "function": board.serial.function,
        "timer": f"{board.timer.base:#06x}",
        "timer_name": board.timer.name,
        "pins": [_pin(*pin) for pin in pins],
    }


def _pin(name: str, pin: str, what: str) -> dict[str, Any]:
    port, bit = check_pin(pin)
    base = 0x200 + 0x20 * ((port - 1) // 2) + (port - 1) % 2  # odd ports are the low bytes
    offsets = {"out": 0x02, "dir": 0x04, "sel0": 0x0A, "sel1": 0x0C}
    registers = {register: f"{base + offset:#06x}" for register, offset in offsets.items()}
    return registers | {"name": name, "text": f"{pin} {what}", "bit": f"{1 << bit:#04x}"}
