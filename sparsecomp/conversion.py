"""The published conversion calls, for networks in memory."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sparsecomp.errors import ConversionError, InputError, SparseCompError
from sparsecomp.frontend import save
from sparsecomp.pipeline import convert
from sparsecomp.results import Conversion

NO_SAMPLE = "the network cannot be traced without a sample"
ENCODINGS = {"csr": "csr", "csc": "csr", "auto": "auto", "dense": "dense"}


def save_compressed_model(
    model: Any,
    representation: str,
    input_data: Any = None,
    example_data: Any = None,
    example_targets: Any = None,
    directory: str | Path = "my_model",
    flit: bool = False,
    verbose: bool = False,
    *,
    calibration: Any = None,
    board: str = "host",
    numeric: str | None = None,
) -> Conversion:
    """Converts a torch network to a C directory: model.c, model.h, headers/ and what builds them.

    ``input_data`` is one sample, with or without batch, that the network is traced with. ``example_data`` (N, ...) are
    samples to calibrate on, ``example_targets`` their classes; the first becomes the self-test in headers/input.h.
    With them, or with ``calibration``, the model is integer; with one sample only it is float32, as the published call
    was. ``flit=True`` asks for fixed point and so needs calibration data. ``representation`` 'csr' stores every layer
    sparse; 'csc' is accepted and stored by rows as well. Raises InputError, ConversionError, DoesNotFitError.
    """
    return _convert(
        lambda path, one, data, samples: save(model, path, one, data, samples, example_targets),
        representation,
        input_data,
        example_data,
        directory,
        flit,
        verbose,
        calibration=calibration,
        board=board,
        numeric=numeric,
    )


def save_compressed_early_exit_model(
    model: Any,
    early_exit_model: Any,
    representation: str,
    simulate_exit: Any = None,
    input_data: Any = None,
    example_data: Any = None,
    example_targets: Any = None,
    directory: str | Path = "my_model",
    flit: bool = False,
    verbose: bool = False,
    *,
    exits: Sequence[str] | None = None,
    temperatures: Sequence[float] | None = None,
    policy: str | None = None,
    calibration: Any = None,
    board: str = "host",
    numeric: str | None = None,
) -> Conversion:
    """Converts a network and a head for its early exits to a C directory, with model_ee.c, model_ee.h and their headers
    beside the network's own.

    ``model(x)`` gives (scores, [maps]), ``early_exit_model([maps])`` the scores of an exit, the maps that are not
    computed yet being zeros. For a plain network ``exits`` names the modules whose outputs are the maps. The self-test
    ends at the exit that ``simulate_exit(maps)[1]`` chooses, called once under a fixed seed, and so does the device
    until its policy is changed; ``policy`` is another one to begin with. ``temperatures`` calibrate the exits' scores.
    Everything else as for save_compressed_model; raises what that does.
    """
    from sparsecomp.early_exit.published import PublishedNetwork

    if input_data is None and example_data is None:
        raise InputError(NO_SAMPLE, "give input_data=one_sample")
    both = PublishedNetwork(model, early_exit_model, exits, temperatures)

    def choose(one: Any) -> str | None:
        both.count(one)
        return policy or (None if simulate_exit is None else f"fixed:{both.chosen(one, simulate_exit)}")

    return _convert(
        lambda path, one, data, samples: save(both, path, one, data, samples, example_targets),
        representation,
        input_data,
        example_data,
        directory,
        flit,
        verbose,
        calibration=calibration,
        board=board,
        numeric=numeric,
        policy=choose,
    )


def _convert(
    write: Callable[[Path, Any, Any, Any], None],
    representation: str,
    input_data: Any,
    example_data: Any,
    directory: str | Path,
    flit: bool,
    verbose: bool,
    *,
    calibration: Any,
    board: str,
    numeric: str | None,
    policy: Callable[[Any], str | None] = lambda one: None,
) -> Conversion:
    """Writes the archive of an example, calibration data and samples, and converts it. ``policy`` is that of early
    exits, from the example.
    """
    if representation not in ENCODINGS:
        raise InputError(f"unknown representation '{representation}'", "use 'csr'")
    if input_data is None and example_data is None:
        raise InputError(NO_SAMPLE, "give input_data=one_sample")
    data = calibration if calibration is not None else example_data
    if flit and data is None:
        raise InputError("flit=True is fixed point, which needs calibration data", "give example_data or calibration")
    if flit and numeric == "float32":
        raise InputError("flit=True is fixed point, numeric='float32' is not", "give one of the two")
    kind = numeric or ("int8" if data is not None else "float32")
    if kind == "float32" and numeric is None:
        warnings.warn("one sample only: the output is float32; give example_data for an integer model", stacklevel=3)
    example = _example(input_data if input_data is not None else example_data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"

        def attempt(one: Any) -> str | None:
            chosen = policy(one)
            write(path, one, data, example_data if example_data is not None else one)
            return chosen

        try:
            chosen = attempt(example)
        except (ConversionError, InputError) as refusal:
            # Perhaps a sample without its batch. Where that is not it either, the first complaint is the one to show.
            if input_data is None:
                raise
            try:
                chosen = attempt(_lifted(input_data))
            except SparseCompError:
                raise refusal from None
        result = convert(path, directory, board=board, numeric=kind, encoding=ENCODINGS[representation], policy=chosen)
    if verbose:
        print("\n".join(result.lines()))
    return result


def _example(data: Any) -> Any:
    """The first sample with a batch of one, as a tensor or a tuple of tensors."""
    if isinstance(data, tuple | list):
        return tuple(_example(part) for part in data)
    tensor = _tensor(data)
    return tensor[:1] if tensor.ndim and len(tensor) > 1 else tensor


def _lifted(data: Any) -> Any:
    """A sample without batch as a batch of one."""
    if isinstance(data, tuple | list):
        return tuple(_lifted(part) for part in data)
    return _tensor(data)[None]


def _tensor(data: Any) -> Any:
    import torch

    if not isinstance(data, torch.Tensor | np.ndarray):
        raise InputError(
            f"the network cannot be traced with a {type(data).__name__}",
            "give one sample as a tensor: input_data=x[:1]",
        )
    tensor = torch.as_tensor(data)
    return tensor.float() if tensor.is_floating_point() else tensor  # numpy's own floats have 64 bits
