"""Networks of the published contract: ``baseline(x)`` gives (scores, maps), ``exit_model(maps)`` scores from maps of
which those not computed yet are zeros.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sparsecomp.early_exit.network import FULL, check_paths, check_reached, watching
from sparsecomp.errors import InputError
from sparsecomp.frontend.extra import Exit

SEED = 0


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
        self.baseline, self.exit_model = baseline, exit_model
        self.paths = None if exits is None else tuple(exits)
        self.given = temperatures
        # The baselines of some models give their maps only when they are asked to.
        asked = "intermediate_outputs" in inspect.signature(baseline.forward).parameters
        self.options = {"intermediate_outputs": True} if asked else {}
        if self.paths is not None:
            check_paths(baseline, self.paths)

    def maps(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores and maps of the baseline."""
        if self.paths is None:
            found = self.baseline(x, **self.options)
            if not isinstance(found, tuple | list) or len(found) != 2 or not isinstance(found[1], tuple | list):
                raise InputError(
                    "the baseline does not give (scores, [maps])",
                    "return both, or name the modules whose outputs are the maps: exits=['features.2', ...]",
                )
            return found[0], list(found[1])
        maps: list[Tensor] = []
        with watching(self.baseline, self.paths, lambda _, features: maps.append(features)):
            found = self.baseline(x)
        check_reached(self.paths, len(maps))
        return (found[0] if isinstance(found, tuple | list) else found), maps

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        scores, maps = self.maps(x)
        known = ([m if j <= k else torch.zeros_like(m) for j, m in enumerate(maps)] for k in range(len(maps)))
        return (*(_scores(self.exit_model(some)) for some in known), scores)

    def exit_records(self) -> tuple[Exit, ...]:
        """Names and temperatures of all exits, as an archive keeps them. The names are 1, 2, … where there are none."""
        count = len(self.paths) if self.paths is not None else self._count
        names = self.paths or tuple(str(k + 1) for k in range(count))
        temperatures = tuple(self.given or (1.0,) * count)
        if len(temperatures) != count:
            raise InputError(f"{len(temperatures)} temperature(s) for {count} exit(s)", "give one an exit")
        return tuple(map(Exit, (*names, FULL), (*map(float, temperatures), 1.0)))

    @torch.no_grad()
    def count(self, example: Tensor) -> int:
        """How many exits there are, from a run on ``example``."""
        self._count = len(self.maps(example)[1])
        if self._count == 0:
            raise InputError("the baseline gives no maps", "an early exit needs at least one")
        return self._count

    @torch.no_grad()
    def chosen(self, example: Tensor, simulate_exit: Callable[..., Any]) -> int:
        """The exit that ``simulate_exit(maps)[1]`` chooses, called once under a fixed seed."""
        _, maps = self.maps(example)
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            state = random.getstate()
            random.seed(SEED)
            try:
                found = simulate_exit(maps)
            finally:
                random.setstate(state)
        choice = found[1] if isinstance(found, tuple | list) and len(found) == 2 else None
        choice = int(choice) if isinstance(choice, int) or hasattr(choice, "__index__") else choice
        if not isinstance(choice, int) or not 0 <= choice < len(maps):
            raise InputError(
                f"simulate_exit chooses {choice}, the exits are 0 to {len(maps) - 1}",
                "it returns (maps with later ones zeroed, number of the exit)",
            )
        return choice


def _scores(found: Any) -> Tensor:
    """The scores of an exit model that may give more than them."""
    return found[0] if isinstance(found, tuple | list) else found
