"""Networks of the published contract: ``baseline(x)`` gives (scores, maps), ``exit_model(maps)`` scores from maps of
which those not computed yet are zeros.
"""

from __future__ import annotations

import inspect
import operator
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparsecomp.early_exit.network import FULL, check_paths, check_reached, check_turn, watching
from sparsecomp.errors import ConversionError, InputError, SparseCompError
from sparsecomp.frontend.evaluating import evaluating, said
from sparsecomp.frontend.extra import Exit

SEED = 0
CONTRACT = "it returns (maps with later ones zeroed, number of the exit)"


class PublishedNetwork(nn.Module):
    """Both as one network with exits: a tuple of scores, one for each map and the baseline's own last.

    Where ``exits`` names modules of the baseline, the maps are their outputs and the baseline may give its scores
    alone. ``temperatures`` has one number an exit (None: 1). Raises InputError where the two do not keep to it.
    """

    def __init__(
        self,
        baseline: nn.Module,
        exit_model: nn.Module,
        exits: Sequence[str] | None = None,
        temperatures: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        for what, module in (("model", baseline), ("early exit model", exit_model)):
            if not isinstance(module, nn.Module):
                raise InputError(
                    f"the {what} is a {type(module).__name__}, not a torch.nn.Module",
                    "give both networks, with their weights",
                )
        self.baseline, self.exit_model = baseline, exit_model
        self.paths = None if exits is None else (exits,) if isinstance(exits, str) else tuple(exits)
        self.given = None if temperatures is None else _numbers(temperatures)
        self._count = 0
        # The baselines of some models give their maps only when they are asked to.
        asked = "intermediate_outputs" in inspect.signature(baseline.forward).parameters
        self.options = {"intermediate_outputs": True} if asked else {}
        if self.paths is not None:
            check_paths(baseline, self.paths)

    def maps(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores and maps of the baseline."""
        if self.paths is None:
            found = self.baseline(x, **self.options)
            given = isinstance(found, tuple | list) and len(found) == 2
            if not (given and torch.is_tensor(found[0]) and _is_maps(found[1])):
                raise InputError(
                    "the baseline does not give (scores, [maps])",
                    "return both, or name the modules whose outputs are the maps: exits=['features.2', ...]",
                )
            return found[0], list(found[1])
        maps: list[Tensor] = []

        def look(index: int, features: Tensor) -> None:
            check_turn(self.paths or (), index, len(maps))
            maps.append(features)

        with watching(self.baseline, self.paths, look):
            found = self.baseline(x)
        check_reached(self.paths, len(maps))
        return (found[0] if isinstance(found, tuple | list) else found), maps

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        scores, maps = self.maps(x)
        known = ([m if j <= k else torch.zeros_like(m) for j, m in enumerate(maps)] for k in range(len(maps)))
        return (*(_scores(self.exit_model(some)) for some in known), scores)

    def exit_records(self) -> tuple[Exit, ...]:
        """Names and temperatures of all exits, as an archive keeps them; maps[0], maps[1], … where none are named."""
        count = len(self.paths) if self.paths is not None else self._count
        names = self.paths or tuple(f"maps[{k}]" for k in range(count))
        temperatures = (1.0,) * count if self.given is None else self.given
        if len(temperatures) != count:
            raise InputError(f"{len(temperatures)} temperature(s) for {count} exit(s)", "give one an exit")
        return tuple(map(Exit, (*names, FULL), (*temperatures, 1.0)))

    def count(self, example: Tensor) -> int:
        """How many exits there are, from a run on ``example``. Raises ConversionError where it does not run."""
        self._count = len(self._maps_of(example))
        if self._count == 0:
            raise InputError("the baseline gives no maps", "an early exit needs at least one")
        return self._count

    def chosen(self, example: Tensor, simulate_exit: Callable[..., Any]) -> int:
        """The exit that ``simulate_exit(maps)[1]`` chooses, called once under a fixed seed."""
        if not callable(simulate_exit):
            raise InputError(f"simulate_exit is a {type(simulate_exit).__name__}, not a function", CONTRACT)
        maps = self._maps_of(example)
        try:
            with _seeded():
                found = simulate_exit(list(maps))
        except Exception as error:  # the user's function raises any class
            raise ConversionError(f"simulate_exit cannot be called with the maps: {said(error)}", CONTRACT) from error
        choice = found[1] if isinstance(found, tuple | list) and len(found) == 2 else None
        try:
            number = operator.index(choice)
        except TypeError:
            given = choice if isinstance(choice, str | float | None) else f"a {type(choice).__name__}"
            raise InputError(f"simulate_exit chooses {given}, not the number of an exit", CONTRACT) from None
        if not 0 <= number < len(maps):
            raise InputError(f"simulate_exit chooses {number}, the exits are 0 to {len(maps) - 1}", CONTRACT)
        return number

    def _maps_of(self, example: Tensor) -> list[Tensor]:
        try:
            with torch.no_grad(), evaluating(self):
                return self.maps(example)[1]
        except SparseCompError:
            raise
        except Exception as error:  # the user's forward raises any class
            raise ConversionError(
                f"the baseline cannot be run on the sample: {said(error)}", "give one sample: input_data=x[:1]"
            ) from error


@contextmanager
def _seeded() -> Iterator[None]:
    """Within, whatever draws at random draws the same."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        random.seed(SEED)
        np.random.seed(SEED)
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)


def _numbers(values: Any) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise InputError("the temperatures are no numbers", "give one an exit: temperatures=[1.2, 0.9]") from None


def _is_maps(found: Any) -> bool:
    return isinstance(found, tuple | list) and all(torch.is_tensor(m) for m in found)


def _scores(found: Any) -> Tensor:
    """The scores of an exit model that may give more than them."""
    return found[0] if isinstance(found, tuple | list) else found
