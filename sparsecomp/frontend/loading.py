"""``sparsecomp.load``: every form of model.pt, told apart by content, as one Graph with its data. Never a fallback."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparsecomp.errors import InputError
from sparsecomp.frontend import torch_files
from sparsecomp.frontend.aten import check_variance, to_graph
from sparsecomp.frontend.capture import capture, cumulative
from sparsecomp.frontend.container import MAX_FILE, clean, open_container
from sparsecomp.frontend.extra import Exit, Extra, load_extra
from sparsecomp.frontend.pt2 import read_program
from sparsecomp.graph import Graph
from sparsecomp.wire import Wire


@dataclass(frozen=True)
class LoadedModel:
    """A network and its data. ``wires`` has one entry an input; ``calibration`` and ``samples`` one raw array
    (N, *shape) an input, in wire type, or None; ``labels`` are int32 classes or float32 targets, or None.

    ``exits`` has one entry an output of a network with exits, the whole network's last; it is empty for others.
    ``sha256`` is that of the file, ``format`` one of pt2, state_dict, safetensors, module and trusted pickle.
    """

    graph: Graph
    wires: tuple[Wire, ...]
    calibration: tuple[np.ndarray, ...] | None
    samples: tuple[np.ndarray, ...] | None
    labels: np.ndarray | None
    sha256: str
    format: str
    provenance: Mapping[str, str | float] = field(default_factory=dict)
    exits: tuple[Exit, ...] = ()


def load(
    path: str | os.PathLike[str],
    *,
    arch: str | None = None,
    input_shape: Sequence[Any] | None = None,
    trust_pickle: bool = False,
) -> LoadedModel:
    """The network in a file, whatever its extension. Export archives are read without torch.

    ``arch`` ("file.py:factory") builds the network of a state_dict or safetensors file; ``input_shape`` is batchless
    ((1, 28, 28), or a tuple of such, one an input). ``trust_pickle=True`` runs the pickle. Raises InputError with the
    lines that would make the file loadable, ConversionError where the network is not supported.
    """
    data = read_file(path)
    kind = detect(data)
    if kind == "pt2":
        if arch is not None:
            raise InputError("an export archive holds its own network", "leave out --arch")
        program = read_program(data)
        extra = None if program.extra is None else load_extra(program.extra)
        graph = to_graph(program, extra.momentum if extra else None)
    else:
        module = torch_files.to_module(data, kind, arch, trust_pickle)
        kind = module.format
        example = _zeros(input_shape)
        extra = None
        graph = to_graph(read_program(capture(module.model, example)), cumulative(module.model))
    check_variance(graph)
    extra = extra or Extra((Wire(),) * len(graph.inputs))
    extra.check(graph)
    _check_input_shape(graph, input_shape)
    digest = hashlib.sha256(data).hexdigest()
    data_parts = (extra.calibration, extra.samples, extra.labels)
    return LoadedModel(graph, extra.wires, *data_parts, digest, kind, extra.provenance, extra.exits)


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a model file; InputError where it is missing, empty or too large."""
    name = os.path.basename(os.fspath(path))
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise InputError(f"there is no file '{name}'", "check the path") from None
    except IsADirectoryError:
        hint = "give the model file that a project was made from, such as model.pt"
        raise InputError(f"cannot read '{name}': it is a directory, not a model file", hint) from None
    except OSError as error:
        raise InputError(f"cannot read '{name}': {error.strerror or error}", "check the path and its rights") from error
    if not data:
        raise InputError(f"'{name}' is empty", "save the model again")
    if len(data) > MAX_FILE:
        raise InputError(
            f"'{name}' is larger than {MAX_FILE >> 20} MiB", "a microcontroller needs a far smaller network"
        )
    return data


def detect(data: bytes) -> str:
    """The kind of a model file by its content: pt2, pickle, legacy or safetensors. InputError for the rest."""
    if data[:4] == b"PK\x03\x04":
        return _detect_zip(data)
    if len(data) > 9 and data[8:9] == b"{" and 2 <= int.from_bytes(data[:8], "little") <= len(data) - 8:
        return "safetensors"
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "legacy"
    known = {
        b"\x89HDF": "a Keras/HDF5 file",
        b"\x08": "an ONNX file",
        b"\x1f\x8b": "a gzip file",
        b"\x7fELF": "a program",
    }
    name = (
        "a TensorFlow Lite file"
        if data[4:8] == b"TFL3"
        else next((v for k, v in known.items() if data.startswith(k)), "")
    )
    raise InputError(
        f"the model is {name or 'neither an export archive nor any other known model file'}",
        "write it from PyTorch: sparsecomp.save(model, 'model.pt', example_input)",
    )


def _detect_zip(data: bytes) -> str:
    names = open_container(data, "the model").names
    if "archive_format" in names or any(name.startswith("models/") for name in names):
        return "pt2"
    if any(name.startswith("code/") for name in names) or "constants.pkl" in names:
        raise InputError("the model is TorchScript (torch.jit.save), which PyTorch has deprecated", torch_files.RESAVE)
    if "data.pkl" in names:
        return "pickle"
    if any("exported_program" in name for name in names):
        raise InputError("the model is an export archive of an older torch", torch_files.RESAVE)
    raise InputError(
        f"the model is a zip file, but not one of PyTorch's: it holds '{clean(names[0])}'", torch_files.RESAVE
    )


def _zeros(input_shape: Sequence[Any] | None) -> tuple[np.ndarray, ...]:
    if not input_shape:
        raise InputError(
            "the file does not say what shape its input has",
            "give --input-shape 1,28,28 (channels, height, width), or --calibrate data.npz",
        )
    shapes = input_shape if isinstance(input_shape[0], list | tuple) else [input_shape]
    for shape in shapes:
        if not shape or any(isinstance(n, bool) or not isinstance(n, int) or not 0 < n < 1 << 24 for n in shape):
            raise InputError(f"the input shape {clean(shape)} is not a list of sizes", "give it without batch: 1,28,28")
    return tuple(np.zeros((1, *shape), np.float32) for shape in shapes)


def _check_input_shape(graph: Graph, input_shape: Sequence[Any] | None) -> None:
    if not input_shape:
        return
    shapes = input_shape if isinstance(input_shape[0], list | tuple) else [input_shape]
    wanted = tuple(graph.shapes[name] for name in graph.inputs)
    if tuple(tuple(shape) for shape in shapes) != wanted:
        raise InputError(
            f"the network reads {wanted}, not the input shape {clean(tuple(map(tuple, shapes)))}",
            "leave out --input-shape: an export archive has it",
        )
