"""Requests to the firmware (firmware/serial/request.c), repeated until they are answered, whatever fails meanwhile."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sparsecomp.errors import MismatchError, ToolError
from sparsecomp.exits import Policy
from sparsecomp_tools.link.line import Line

STATUS, OPEN, WRITE, CLOSE, RUN, READ, ACKNOWLEDGE, FAIL, STACK, POLICY = range(0x80, 0x8A)
OUTPUTS, CYCLES, CAUSES, BEST, POLICY_WORDS = 0xFFFF, 0xFFFE, 0xFFFD, 0xFFFC, 0xFFFB
OK, REFUSED = 0, 1
STATES = ("idle", "running", "done")
BOOT_CAUSES = ("power", "reset", "forced", "watchdog", "other")
ALL_LAYERS = 0xFFFF

PROTOCOL = 1
WRITE_WORDS = 64
READ_WORDS = 64
STARTED = "m-init-done"
RESTARTS = 1000  # for one request: it says hello only once the inference under way is done


@dataclass(frozen=True)
class Status:
    """What the firmware says of itself. ``id`` is that of the input held, ``filled`` the words of one that is coming,
    ``boots`` counts starts (16 bits).
    """

    state: str
    held: bool
    model_hash: str
    id: int
    cursor: int
    units: int
    filled: int
    input_words: int
    layers: int
    boots: int


@dataclass(frozen=True)
class Reply:
    """An answer: its status byte, the low word of the number of boots, and data."""

    status: int
    boots: int
    data: bytes


class Restarted(Exception):
    """The device has started again before it answered."""


class Device:
    """A firmware at the end of a line. ``patience`` is how many seconds an answer may take before the request is sent
    again, ``tries`` how often that is done. Raises ToolError where nothing answers.
    """

    def __init__(
        self, line: Line, *, patience: float = 5.0, tries: int = 5, heard: Callable[[str], None] | None = None
    ):
        self.line = line
        self.patience = patience
        self.tries = tries
        self.restarts = 0  # seen from here
        self._heard = heard
        self._sequence = 0

    def ask(self, kind: int, arguments: bytes = b"", patience: float | None = None) -> Reply:
        """One request, repeated after a restart or silence. Requests may be repeated: they are idempotent."""
        for _ in range(self.tries):
            try:
                reply = self._once(kind, arguments, patience or self.patience)
            except Restarted:
                reply = self._after_restart(kind, arguments, patience or self.patience)
            if reply is not None:
                return reply
        raise ToolError(
            f"the firmware at {self.line.name} does not answer",
            "is the board on, flashed with this project, and the baud rate that of the board file?",
        )

    def _after_restart(self, kind: int, arguments: bytes, patience: float) -> Reply | None:
        for _ in range(RESTARTS):  # every start is a sign of life
            try:
                return self._once(kind, arguments, patience)
            except Restarted:
                continue
        raise ToolError(
            f"the device at {self.line.name} has started {RESTARTS} times without an answer",
            "does its supply pay for the serial line?",
        )

    def _once(self, kind: int, arguments: bytes, patience: float) -> Reply | None:
        self._sequence = (self._sequence + 1) & 0xFF
        head = bytes([kind, self._sequence])
        self.line.send_frame(head + arguments)
        while True:
            found = self.line.receive(patience)
            if found is None:
                return None
            if isinstance(found, str):
                if self._heard:
                    self._heard(found)
                if found == STARTED:
                    self.restarts += 1
                    raise Restarted
            elif found[:2] == head and len(found) >= 5:
                return Reply(found[2], int.from_bytes(found[3:5], "little"), found[5:])

    def status(self) -> Status:
        """Asks what the firmware is and does. Raises ToolError where it speaks another protocol."""
        return self._status(self.ask(STATUS))

    def answers(self, patience: float) -> bool:
        """Whether there is an answer within about so many seconds."""
        try:
            return self._once(STATUS, b"", patience) is not None
        except (Restarted, ToolError):
            return False

    def _status(self, reply: Reply) -> Status:
        if len(reply.data) != struct.calcsize("<BBB16sIHHHHH") or reply.data[0] != PROTOCOL:
            raise ToolError("the firmware speaks another protocol", "deploy and flash it again with this version")
        _, state, held, name, number, cursor, units, filled, words, layers = struct.unpack("<BBB16sIHHHHH", reply.data)
        return Status(
            STATES[state], bool(held), name.decode("ascii", "replace"), number, cursor, units, filled, words, layers,
            reply.boots,
        )  # fmt: skip

    def expect(self, model_hash: str) -> Status:
        """The status of a firmware that must be this model's. Raises MismatchError where it is another's.

        Restarts are counted from here on: the first start may have been just before.
        """
        found = self.status()
        self.restarts = 0
        if found.model_hash != model_hash:
            raise MismatchError(
                f"the firmware at {self.line.name} holds model {found.model_hash}, not {model_hash}",
                "flash the project again, or name the model and the options that it was made with",
            )
        return found

    def deliver(self, number: int, words: np.ndarray) -> None:
        """Sends an input of int16 words under an id. It goes on behind what arrived when the power fails."""
        data = np.ascontiguousarray(words, "<i2").tobytes()
        identity = struct.pack("<I", number)
        self._accepted(self.ask(OPEN, identity), "open")
        at = 0
        while at < len(data) // 2:
            part = data[2 * at : 2 * (at + WRITE_WORDS)]
            self._accepted(self.ask(WRITE, identity + struct.pack("<H", at) + part), "write")
            at += len(part) // 2
        self._accepted(self.ask(CLOSE, identity), "close")

    def _accepted(self, reply: Reply, what: str) -> None:
        if reply.status != OK:
            raise ToolError(
                f"the firmware refuses to {what} (status {reply.status})", "another program may be talking to it"
            )

    def run(self, number: int, layer: int = ALL_LAYERS, patience: float | None = None) -> Status:
        """Runs the inference on the input held, up to a layer or to its end; the status afterwards."""
        reply = self.ask(RUN, struct.pack("<IH", number, layer), patience)
        self._accepted(reply, "run")
        return self._status(reply)

    def read(self, region: int, words: int) -> np.ndarray:
        """Words of a layer, or of OUTPUTS, CYCLES, CAUSES."""
        parts = []
        for at in range(0, words, READ_WORDS):
            reply = self.ask(READ, struct.pack("<HHH", region, at, min(READ_WORDS, words - at)))
            self._accepted(reply, "read")
            parts.append(np.frombuffer(reply.data, "<i2"))
        return np.concatenate(parts) if parts else np.zeros(0, "<i2")

    def infer(self, number: int, words: np.ndarray, outputs: Sequence[int], patience: float | None = None) -> bytes:
        """The outputs' words for one input, as bytes in order. ``outputs`` are their lengths in words.

        The result is given up afterwards. Raises ToolError where it belongs to another input.
        """
        self.deliver(number, words)
        status = self.run(number, patience=patience)
        if status.state != "done" or status.id != number:
            raise ToolError(
                f"the result at {self.line.name} belongs to input {status.id}, not {number}",
                "another program may be talking to it",
            )
        found = self.read(OUTPUTS, sum(outputs))
        self.acknowledge(number)
        return found.tobytes()

    def acknowledge(self, number: int) -> None:
        """Gives the result of this input up."""
        self.ask(ACKNOWLEDGE, struct.pack("<I", number))

    def layers(
        self, number: int, sizes: Sequence[int], patience: float | None = None, *, leaves: bool = False
    ) -> list[np.ndarray]:
        """What each layer writes for the input held under this id, read as soon as it is complete, before another can
        take its memory. ``sizes`` are in words. The result is given up. Where the inference ``leaves`` at an exit,
        the layers behind it are not there.
        """
        found = []
        for index, words in enumerate(sizes):
            status = self.run(number, index + 1, patience)
            if leaves and status.state == "done" and index + 1 < status.layers:
                break
            if status.id != number or (status.state == "done" and index + 1 < status.layers):
                raise ToolError(
                    "the inference went on while its layers were read", "another program may be talking to it"
                )
            found.append(self.read(index, words))
        self.acknowledge(number)
        return found

    def cycles(self, layers: int) -> list[int]:
        """Cycles of the last inference in each layer, by the device's timer."""
        words = self.read(CYCLES, 2 * layers)
        return [int(value) for value in np.ascontiguousarray(words).view("<u4")]

    def starts(self) -> dict[str, int]:
        """How often the device has started, by cause."""
        words = self.read(CAUSES, len(BOOT_CAUSES))
        return dict(zip(BOOT_CAUSES, (int(n) for n in words.view("<u2")), strict=True))

    def fail_every(self, cycles: int) -> None:
        """From now on the device loses everything volatile every so many cycles of inference; 0 ends that."""
        self._accepted(self.ask(FAIL, struct.pack("<I", cycles)), "fail")

    def set_policy(self, limit: int, margins: Sequence[int], levels: Sequence[int], plenty: int = 0) -> None:
        """Makes a policy of early exits the firmware's, word by word; each is kept in its FRAM."""
        words = [(0, 0, limit), (3, 0, plenty)]
        words += [(kind, i, v) for kind, values in ((1, margins), (2, levels)) for i, v in enumerate(values)]
        for word in words:
            self._accepted(self.ask(POLICY, struct.pack("<HHH", *word)), "change its exit policy")

    def policy(self, early: int) -> Policy:
        """The exit policy that the firmware has, of a model with so many early exits."""
        limit, plenty, *rest = (int(word) for word in self.read(POLICY_WORDS, 2 + 2 * early).view("<u2"))
        return Policy(limit, tuple(rest[:early]), tuple(rest[early:]), plenty=plenty)

    def best(self, classes: int) -> tuple[int, np.ndarray] | None:
        """The best answer so far: the exit that gave it, and its scores; None where no exit was reached yet."""
        number, *scores = self.read(BEST, 1 + classes)
        return None if int(number) & 0xFFFF == 0xFFFF else (int(number), np.array(scores, "<i2"))

    def stack_used(self) -> int:
        """Bytes of stack used since the last time this was asked; 0 the first time after a start."""
        reply = self.ask(STACK)
        return int.from_bytes(reply.data[:2], "little")
