"""What a board file does not say of its device: memory that nothing is placed in, and interrupt vectors.

Vectors are indices i of the address 0xFF90 + 2 i. MSP430FR5994 and FR5992: TI's header 1.206, SLASE54D table 9-41.
"""

from __future__ import annotations

from dataclasses import dataclass

from sparsecomp.boards import Board
from sparsecomp.errors import InputError

INFO = (0x1800, 0x200)  # information memory, FRAM


@dataclass(frozen=True)
class Timer:
    """Timer_A: its base address, capture/compare channels, and the vector of TAIFG (that of CCR0 is the next)."""

    base: int
    channels: int
    vector: int


@dataclass(frozen=True)
class Uart:
    """eUSCI_A: base address, vector, and which function of its pins it is (PxSEL0 bit 0, PxSEL1 bit 1)."""

    base: int
    vector: int
    function: int


@dataclass(frozen=True)
class Device:
    """``tiny_ram`` as (start, size); ``uarts`` by the names that board files use; vectors of the watchdog, the timers
    and the ports P1, P2...
    """

    tiny_ram: tuple[int, int]
    timers: tuple[Timer, ...]
    ports: tuple[int, ...]
    uarts: dict[str, Uart]
    watchdog: int = 49
    recalled: bool = False  # the vectors were never checked against TI's header


FR599X = Device(
    (0x000A, 0x16),
    (Timer(0x340, 3, 44), Timer(0x380, 3, 40), Timer(0x400, 2, 37), Timer(0x440, 2, 34), Timer(0x7C0, 2, 28)),
    (39, 36, 33, 32, 27, 26, 20, 19),
    {"eUSCI_A0": Uart(0x5C0, 48, 2)},
)
FR5969 = Device(
    (0x0006, 0x1A),
    (Timer(0x340, 3, 44), Timer(0x380, 3, 40), Timer(0x400, 2, 37), Timer(0x440, 2, 34)),
    (39, 36, 33, 32),
    {"eUSCI_A0": Uart(0x5C0, 48, 2)},
    recalled=True,
)
FR6989 = Device(
    (0x0006, 0x1A),
    (Timer(0x340, 3, 43), Timer(0x380, 3, 38), Timer(0x400, 2, 35), Timer(0x440, 5, 32)),
    (37, 34, 31, 30),
    {"eUSCI_A1": Uart(0x5E0, 42, 1)},
    recalled=True,
)
DEVICES = {"msp430fr5994": FR599X, "msp430fr5992": FR599X, "msp430fr5969": FR5969, "msp430fr6989": FR6989}


def device_of(board: Board) -> Device:
    """The board's device. Raises InputError where it is none of those that are simulated."""
    try:
        return DEVICES[board.mcu]
    except KeyError:
        raise InputError(
            f"there is no virtual board of '{board.mcu or board.name}'", f"there is one of {', '.join(DEVICES)}"
        ) from None


def _uart_option(board: Board, device: Device) -> list[str]:
    if board.serial is None or board.serial.uart not in device.uarts:
        return []
    uart = device.uarts[board.serial.uart]
    pins = [f"{int(part):x}" for pin in (board.serial.tx, board.serial.rx) for part in pin.removeprefix("P").split(".")]
    return [f"uart={uart.base:x}:{uart.vector:x}:{uart.function:x}:{':'.join(pins)}"]


def map_options(board: Board) -> list[str]:
    """The memory map and the vectors as options of the simulator's program."""
    device = device_of(board)
    kinds = {"fram": "fram", "sram": "ram", "lea_ram": "ram"}
    regions = [(kinds[r.kind], r.start, r.size) for r in board.regions]
    regions += [("ram", *device.tiny_ram), ("fram", *INFO)]
    return [
        f"device={board.name}",
        *(f"region={kind}:{start:x}:{size:x}" for kind, start, size in regions),
        f"wdt_vector={device.watchdog}",
        *(f"timer={n:x}:{t.base:x}:{t.channels:x}:{t.vector:x}" for n, t in enumerate(device.timers)),
        *(f"port={n:x}:{vector:x}" for n, vector in enumerate(device.ports, 1)),
        *_uart_option(board, device),
    ]
