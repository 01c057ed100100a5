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
    and the ports P1, P2...; channels and vector of the DMA; the vector of the low-energy accelerator, None where there
    is none (its RAM is the board's region of the kind lea_ram). All have an MPU and an ADC12_B; ``write_protection`` is
    that of FRCTL_A, which nobody has checked.
    """

    tiny_ram: tuple[int, int]
    timers: tuple[Timer, ...]
    ports: tuple[int, ...]
    uarts: dict[str, Uart]
    dma: tuple[int, int]
    lea: int | None = None
    write_protection: bool = False
    watchdog: int = 49
    recalled: bool = False  # the vectors were never checked against TI's header


FR599X = Device(
    (0x000A, 0x16),
    (Timer(0x340, 3, 44), Timer(0x380, 3, 40), Timer(0x400, 2, 37), Timer(0x440, 2, 34), Timer(0x7C0, 2, 28)),
    (39, 36, 33, 32, 27, 26, 20, 19),
    {"eUSCI_A0": Uart(0x5C0, 48, 2)},
    (6, 42),
    lea=18,
    write_protection=True,
)
FR5969 = Device(
    (0x0006, 0x1A),
    (Timer(0x340, 3, 44), Timer(0x380, 3, 40), Timer(0x400, 2, 37), Timer(0x440, 2, 34)),
    (39, 36, 33, 32),
    {"eUSCI_A0": Uart(0x5C0, 48, 2)},
    (3, 42),
    recalled=True,
)
FR6989 = Device(
    (0x0006, 0x1A),
    (Timer(0x340, 3, 43), Timer(0x380, 3, 38), Timer(0x400, 2, 35), Timer(0x440, 5, 32)),
    (37, 34, 31, 30),
    {"eUSCI_A1": Uart(0x5E0, 42, 1)},
    (3, 40),
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


def _lea_option(board: Board, device: Device) -> list[str]:
    if device.lea is None:
        return []
    return [f"lea={device.lea:x}:{r.start:x}:{r.size:x}" for r in board.regions if r.kind == "lea_ram"]


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
        f"dma={device.dma[0]:x}:{device.dma[1]:x}",
        *_lea_option(board, device),
        "mpu=1",
        "adc=1",
        f"write_protection={int(device.write_protection)}",
        *(f"port={n:x}:{vector:x}" for n, vector in enumerate(device.ports, 1)),
        *_uart_option(board, device),
    ]


def energy_options(board: Board) -> list[str]:
    """What the device draws, as options of the simulator's program: nanoamperes, and femtojoules a clock or event.

    A board without figures draws its ``nj_per_cycle`` in every cycle, and nothing else.
    """
    energy = board.energy
    millivolts = round(energy.volts * 1e3)
    options = [f"millivolts={millivolts}"]
    if not energy.figures and energy.nj_per_cycle is not None:
        # The current is proportional to the clock: two points of the line.
        na = [round(energy.nj_per_cycle * mhz * 1e6 / energy.volts) for mhz in (1, 16)]
        return [*options, f"active_100=1000000:{na[0]}", f"active_100=16000000:{na[1]}"]
    for name in ("active_100", "active_75", "lpm0", "lpm1"):
        figure = energy.figure(name)
        if figure is not None:
            clocks = figure.mhz or (1.0,)
            points = zip(clocks, figure.values, strict=True)
            options += [f"{name}={round(mhz * 1e6)}:{round(ua * 1e3)}" for mhz, ua in points]
    scales = {
        "lpm3": ("lpm3_na", 1e3),
        "lpm4": ("lpm4_na", 1e3),
        "timer": ("timer_fj", 1e3 * energy.volts),  # uA/MHz are pC a clock
        "uart": ("uart_fj", 1e3 * energy.volts),
        "multiplier": ("multiplier_fj", 1e3 * energy.volts),
        "crc": ("crc_fj", 1e3 * energy.volts),
        "lea": ("lea_fj", 1e3 * energy.volts),
        "fram_write": ("write_fj", 1e3),
        "adc": ("adc_na", 1e3),
        "adc_buffer": ("adc_buffer_na", 1e3),
        "reference": ("reference_na", 1e3),
        "boot_charge": ("boot_fj", 1e6 * energy.volts),
        "boot_time": ("boot_ps", 1e6),
    }
    for name, (option, scale) in scales.items():
        figure = energy.figure(name)
        if figure is not None:
            options.append(f"{option}={round(figure.values[0] * scale)}")
    return options
