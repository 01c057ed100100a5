"""Networks of the user in eval mode for a while, and what they say when they fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sparsecomp.frontend.container import clean

MOST = 160  # characters of what was said


@contextmanager
def evaluating(*networks: Any) -> Iterator[None]:
    """Within, every module of the torch.nn.Modules is in eval mode; afterwards in the one that it was in."""
    flags = [(module, module.training) for network in networks for module in network.modules()]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for module, training in flags:
            module.training = training


def said(error: BaseException) -> str:
    """The first line of an exception, with its class where that is not torch's own, without control characters."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    plain = isinstance(error, RuntimeError) and line
    return clean(line if plain else f"{type(error).__name__} {line}".strip(), MOST)
