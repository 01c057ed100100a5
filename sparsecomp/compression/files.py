"""A model file compressed to another one, which carries its calibration, samples and provenance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from sparsecomp import __version__
from sparsecomp.compression import CompressionResult, Method, compress
from sparsecomp.compression.plotting import plot_history
from sparsecomp.datasets import load_arrays
from sparsecomp.errors import InputError
from sparsecomp.frontend import LoadedModel, save
from sparsecomp.frontend.saving import write_atomically
from sparsecomp.frontend.trainable import to_module
from sparsecomp.metrics import fitting, mean_squared_error, top1
from sparsecomp.prepare import Request, as_raw, load_model
from sparsecomp.report import to_json
from sparsecomp.writable import check_file

CALIBRATION = 256  # training samples, where the model brings none


def compress_file(
    model: str | Path,
    out: str | Path,
    *,
    data: str | Path,
    target_kb: float | None = None,
    board: str | None = None,
    sparsity: float | None = None,
    max_drop: float | None = None,
    spare: float = 0.0,
    steps: int | None = None,
    epochs: int | None = None,
    finetune: int | None = None,
    factorize: bool = False,
    batch: int = 64,
    device: str = "cpu",
    seed: int = 0,
    history: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    log: Callable[[str], None] = lambda line: None,
    **request: Any,
) -> CompressionResult:
    """Compresses the network in ``model`` with the labelled samples in ``data``, and writes it to ``out``.

    Options as for ``compress``. The samples that the model carries are its test data: read once, at the end, and kept
    in ``out``. ``history`` is a folder for history.json, a plot and the checkpoints that ``resume`` goes on from.
    Nothing is written where it fails. Raises InputError, DoesNotFitError, ToolError.
    """
    check_file(out)
    # Small networks are fastest on one core, and sums in another order would give another network elsewhere.
    torch.set_num_threads(1)
    if resume and history is None:
        raise InputError("there is nothing to resume from", "give --history with the folder of the run to go on with")
    loaded = load_model(model, Request(**request))
    raw, labels = training_data(loaded, data)
    module = to_module(loaded.graph, loaded.exits)
    count = min(CALIBRATION, len(raw[0]))
    calibration = loaded.calibration or tuple(x[:: max(1, len(x) // count)][:count] for x in raw)
    given = {"steps": steps, "epochs": epochs, "finetune": finetune}
    method = replace(Method(factorize=factorize), **{key: value for key, value in given.items() if value is not None})
    test = None
    if loaded.samples is not None and loaded.labels is not None:
        test = DataLoader(dataset(loaded, loaded.samples, loaded.labels), 256)
    shape = loaded.graph.shapes[loaded.graph.outputs[-1]]
    classes = fitting(top1, labels, shape) is top1
    result = compress(
        module,
        DataLoader(dataset(loaded, raw, labels), batch, shuffle=True, generator=torch.Generator().manual_seed(seed)),
        target=target_kb,
        board=board,
        sparsity=sparsity,
        test=test,
        method=method,
        max_drop=max_drop,
        spare=spare,
        metric=top1 if classes else _closeness,
        criterion=None if classes else torch.nn.functional.mse_loss,
        preprocess=loaded.wires,
        calibration=tuple(real(loaded, calibration)),
        device=device,
        seed=seed,
        checkpoint=history,
        resume=resume,
        progress=progress,
        log=log,
    )
    module.to("cpu")
    example = tuple(torch.zeros(1, *loaded.graph.shapes[name]) for name in loaded.graph.inputs)
    provenance = {"sparsecomp": __version__, "from": loaded.sha256, "seed": seed} | _numbers(result)
    save(module, out, example, calibration, loaded.samples, loaded.labels, loaded.wires, provenance=provenance)
    if history is not None:
        Path(history).mkdir(parents=True, exist_ok=True)
        write_atomically(Path(history) / "history.json", to_json(result.to_json()))
        plot_history(result, Path(history) / "history.png")
    return result


def _closeness(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The negative mean squared error: higher is better."""
    return -mean_squared_error(outputs, targets)


def _numbers(result: CompressionResult) -> dict[str, Any]:
    keys = ("target", "unit", "size", "nbytes", "float_bytes", "validation_before", "validation")
    return {key: getattr(result, key) for key in keys}


def training_data(loaded: LoadedModel, data: str | Path) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    columns, labels = load_arrays(data, train=True)
    name = Path(data).name
    if labels is None:
        raise InputError(f"{name} holds no labels (y or y_train)", "np.savez('data.npz', x=inputs, y=labels)")
    if len(labels) != len(columns[0]):
        raise InputError(f"{name} holds {len(columns[0])} samples but {len(labels)} labels", "pair them")
    return as_raw(columns, loaded.graph, loaded.wires, name), labels


def real(loaded: LoadedModel, raw: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    return [wire.to_float(x) for wire, x in zip(loaded.wires, raw, strict=True)]


def dataset(loaded: LoadedModel, raw: tuple[np.ndarray, ...], labels: np.ndarray) -> TensorDataset:
    inputs = [torch.from_numpy(np.asarray(x, np.float32)) for x in real(loaded, raw)]
    whole = labels.dtype.kind in "iub"
    return TensorDataset(*inputs, torch.from_numpy(labels.astype(np.int64 if whole else np.float32)))
