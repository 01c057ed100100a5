"""A model file and labelled samples to a model file with exits, which carries the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from sparsecomp import __version__
from sparsecomp.compression.files import CALIBRATION, dataset, real, training_data
from sparsecomp.early_exit.adding import add_exits
from sparsecomp.early_exit.result import EarlyExitResult
from sparsecomp.errors import InputError
from sparsecomp.frontend import save
from sparsecomp.frontend.trainable import to_module
from sparsecomp.levels import SATURATED
from sparsecomp.prepare import Request, load_model
from sparsecomp.writable import check_file

FAR = 2.0  # samples may be somewhat larger than those of the calibration


def add_exits_to_file(
    model: str | Path,
    out: str | Path,
    *,
    data: str | Path,
    exits: tuple[str, ...] = (),
    batch: int = 64,
    seed: int = 0,
    log: Callable[[str], None] = lambda line: None,
    calibration: Any = None,
    input_shape: Any = None,
    arch: str | None = None,
    trust_pickle: bool = False,
    **options: Any,
) -> EarlyExitResult:
    """Adds exits to the network in ``model`` by the labelled samples in ``data``, and writes it to ``out``.

    ``exits`` are layers by the names that ``analyze`` shows as their source; none are chosen by search. Other options
    as for ``add_exits``. Nothing is written where it fails. Raises InputError, DoesNotFitError, ToolError.
    """
    check_file(out)
    torch.set_num_threads(1)  # small networks are fastest on one core, and give the same result on each machine
    request = Request(calibration=calibration, input_shape=input_shape, arch=arch, trust_pickle=trust_pickle)
    loaded = load_model(model, request)
    if len(loaded.graph.inputs) != 1 or loaded.exits:
        raise InputError(
            f"the network has {len(loaded.graph.inputs)} input(s) and {len(loaded.exits)} exit(s)",
            "exits are added all at once to a network of one input",
        )
    raw, labels = training_data(loaded, data)
    module = to_module(loaded.graph).eval()
    count = min(CALIBRATION, len(raw[0]))
    kept = loaded.calibration or tuple(x[:: max(1, len(x) // count)][:count] for x in raw)
    generator = torch.Generator().manual_seed(seed)
    result = add_exits(
        module,
        DataLoader(dataset(loaded, raw, labels), batch, shuffle=True, generator=generator),
        exits=exits or None,
        preprocess=loaded.wires[0],
        calibration=tuple(real(loaded, kept)),
        seed=seed,
        log=log,
        **options,
    )
    example = torch.zeros(1, *loaded.graph.shapes[loaded.graph.inputs[0]])
    provenance = {"sparsecomp": __version__, "from": loaded.sha256, "seed": seed, "exits": result.kind}
    provenance |= {"head_bytes": result.head_bytes, "nbytes": result.nbytes}
    result = replace(result, notes=(*result.notes, *_other_range(real(loaded, raw)[0], real(loaded, kept)[0])))
    save(result.network, out, example, kept, loaded.samples, loaded.labels, loaded.wires, provenance=provenance)
    return result


def _other_range(samples: np.ndarray, calibration: np.ndarray) -> Iterator[str]:
    """A note where the samples are of another range than the model was calibrated for."""
    beyond = float((np.abs(samples) > FAR * np.abs(calibration).max()).mean())
    if beyond > SATURATED:
        yield (
            f"{beyond:.1%} of the input elements are beyond {FAR:g} times the range of the model's calibration data: "
            "are both preprocessed in the same way?"
        )
