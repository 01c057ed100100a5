"""What one charge pays for, and what the virtual board counts energy with."""

from dataclasses import dataclass

from sparsecomp.errors import InputError

# What a figure is called, and the unit it is given in.
FIGURES = {
    "active_100": "uA",  # MCLK runs, the cache answers every access; by MCLK
    "active_75": "uA",  # the cache answers three of four
    "lpm0": "uA",  # by SMCLK
    "lpm1": "uA",
    "lpm3": "uA",
    "lpm4": "uA",
    "timer": "uA/MHz",  # of the module's own clock, while it runs
    "uart": "uA/MHz",
    "multiplier": "uA/MHz",
    "crc": "uA/MHz",
    "lea": "uA/MHz",  # of MCLK, while the accelerator runs a command
    "adc": "uA",  # during a conversion
    "adc_buffer": "uA",  # of the reference, during a conversion against it
    "reference": "uA",  # while it is on
    "fram_write": "pJ",
    "boot_charge": "nAs",  # from brown-out to the first instruction
    "boot_time": "us",
}


@dataclass(frozen=True)
class Figure:
    """What one part of the device draws: ``values`` in ``unit`` at the clocks ``mhz``, or a single one.

    ``source`` says where it comes from; ``recalled`` marks what nobody has checked against it.
    """

    name: str
    values: tuple[float, ...]
    unit: str
    source: str
    mhz: tuple[float, ...] = ()
    recalled: bool = False

    def __post_init__(self) -> None:
        if self.name not in FIGURES:
            raise InputError(f"unknown figure '{self.name}'", f"one of {', '.join(FIGURES)}")
        if self.unit != FIGURES[self.name]:
            raise InputError(f"figure '{self.name}' is in {self.unit}", f"give it in {FIGURES[self.name]}")
        if len(self.values) != max(1, len(self.mhz)):
            raise InputError(
                f"figure '{self.name}' has {len(self.values)} values at {len(self.mhz)} clocks",
                "give one value a clock, or one value and no clock",
            )
        if min(self.values) < 0 or any(a >= b for a, b in zip((0.0, *self.mhz), self.mhz, strict=False)):
            raise InputError(f"figure '{self.name}' is negative, or its clocks do not rise", "check the table [energy]")


@dataclass(frozen=True)
class Energy:
    """What one charge pays for: a capacitor between two voltages, or directly a number of cycles (host).

    ``source`` says where the figures come from; ``recalled`` marks those that nobody has checked against it.
    ``boot_cycles`` is the cost of waking up, in cycles. The planner counts with ``nj_per_cycle``, the virtual board
    with ``figures``, which hold at ``volts``.
    """

    boot_cycles: int
    source: str
    recalled: bool = False
    nj_per_cycle: float | None = None
    capacitor_uF: float | None = None
    v_on: float | None = None
    v_off: float | None = None
    charge_cycles: int | None = None
    charge_fram_writes: int | None = None
    volts: float = 3.0
    figures: tuple[Figure, ...] = ()

    def __post_init__(self) -> None:
        names = [figure.name for figure in self.figures]
        if len(set(names)) != len(names):
            raise InputError("a figure of [energy] is given twice", "give each name once")
        if self.volts <= 0:
            raise InputError(f"the figures hold at {self.volts} V", "volts is above zero")
        electric = (self.nj_per_cycle, self.capacitor_uF, self.v_on, self.v_off)
        if self.charge_cycles is None and None in electric:
            raise InputError(
                "the energy of one charge is not given",
                "give nj_per_cycle, capacitor_uF, v_on and v_off, or charge_cycles",
            )
        if any(value is not None and value <= 0 for value in (*electric, self.charge_cycles, self.charge_fram_writes)):
            raise InputError("a figure of the energy of one charge is not above zero", "check the table [energy]")
        if self.v_on is not None and self.v_off is not None and self.v_on <= self.v_off:
            raise InputError(
                f"the board starts at {self.v_on} V but stops at {self.v_off} V already", "v_on must be above v_off"
            )

    def figure(self, name: str) -> Figure | None:
        """The figure of that name, None where the board has none."""
        return next((figure for figure in self.figures if figure.name == name), None)
