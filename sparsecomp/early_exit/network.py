"""A network with exits: the pre-trained one as it is, and a head that looks at maps inside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sparsecomp.early_exit.heads import Head
from sparsecomp.errors import InputError
from sparsecomp.frontend.extra import Exit

FULL = "full"  # the name of the whole network's own answer


class EarlyExitNetwork(nn.Module):
    """``network`` (one input, one output) with an exit behind each of its modules named in ``exits``.

    ``exits`` are module paths ("features.2"), in the order in which they are computed. Answers come as a tuple of
    logits (N, classes), one for each exit and the whole network's last. Raises InputError where a path leads nowhere;
    the forward raises it where a module is not run once, in that order.
    """

    def __init__(self, network: nn.Module, exits: Sequence[str], head: Head) -> None:
        super().__init__()
        self.network, self.head = network, head
        self.exits = tuple(exits)
        check_paths(network, self.exits)
        if len(head.shapes) != len(self.exits):
            raise InputError(f"a head for {len(head.shapes)} map(s), {len(self.exits)} exit(s)", "give one map an exit")
        self.temperatures = (1.0,) * (len(self.exits) + 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        answers: list[Tensor] = []
        state: Tensor | None = None

        def look(index: int, features: Tensor) -> None:
            nonlocal state
            check_turn(self.exits, index, len(answers))
            logits, state = self.head.score(index, self.head.pool(index, features), state)
            answers.append(logits)

        with watching(self.network, self.exits, look):
            last = self.network(x)
        check_reached(self.exits, len(answers))
        return (*answers, last)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """What the logits of each answer are divided by before their softmax is a probability; the whole network's
        last.
        """
        return self._temperatures

    @temperatures.setter
    def temperatures(self, values: Sequence[float]) -> None:
        values = tuple(float(value) for value in values)
        if len(values) != len(self.exits) + 1 or not all(math.isfinite(v) and v > 0 for v in values):
            raise InputError(
                f"temperatures {values} for {len(self.exits)} exit(s)",
                "give a number above 0 for each exit and one for the whole network",
            )
        self._temperatures = values

    def exit_records(self) -> tuple[Exit, ...]:
        """Names and temperatures of all answers, as an archive keeps them."""
        return tuple(Exit(name, t) for name, t in zip((*self.exits, FULL), self.temperatures, strict=True))


def check_paths(network: nn.Module, exits: Sequence[str]) -> None:
    """Raises InputError where a path of ``exits`` is no module of ``network``, or is there twice."""
    known = [name for name, _ in network.named_modules() if name]
    for path in exits:
        if path not in known:
            raise InputError(f"the network has no module '{path}'", "it has " + _some(known))
        if path == FULL:
            raise InputError(f"'{FULL}' names the whole network's answer", "rename that module, or wrap it in another")
    if not exits or len(set(exits)) != len(exits):
        raise InputError(f"exits {tuple(exits)} are none, or one twice", "name each exit once")


def check_turn(exits: Sequence[str], index: int, reached: int) -> None:
    """Raises InputError where exit ``index`` is reached behind another number of exits than it should be."""
    if index != reached:
        raise InputError(
            f"exit '{exits[index]}' is reached as number {reached + 1}, not {index + 1}",
            "name the exits in the order in which their modules are run, each of them run once",
        )


def check_reached(exits: Sequence[str], reached: int) -> None:
    """Raises InputError where a forward came by fewer exits than there are."""
    if reached < len(exits):
        raise InputError(
            f"the network's forward does not run '{exits[reached]}', or returns before",
            "name modules that the forward calls",
        )


@contextmanager
def watching(
    network: nn.Module, paths: Sequence[str], look: Callable[[int, Any], None], *, tensors_only: bool = True
) -> Iterator[None]:
    """Within, ``look(index, output)`` hears of each run of the modules ``paths`` of ``network``. Raises InputError
    where one of them gives something else than a tensor, with ``tensors_only``.
    """
    handles = []
    try:
        for index, path in enumerate(paths):
            hook = _hook(index, look, path if tensors_only else "")
            handles.append(network.get_submodule(path).register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(index: int, look: Callable[[int, Any], None], wanted: str) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        if wanted and not torch.is_tensor(output):
            raise InputError(f"the module '{wanted}' gives no tensor", "name one that gives a map")
        look(index, output)

    return hook


def _some(names: Sequence[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
