"""``sparsecomp.save``: a trained network and its data as one model.pt, checked before it is written."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from sparsecomp.errors import InputError, ToolError
from sparsecomp.frontend.arrays import collect, to_labels
from sparsecomp.frontend.aten import to_graph
from sparsecomp.frontend.capture import capture, cumulative, pack
from sparsecomp.frontend.extra import MEMBER, Exit, Extra, dump_extra
from sparsecomp.frontend.pt2 import read_program
from sparsecomp.wire import Wire


def save(
    model: Any,
    path: str | os.PathLike[str],
    example_input: Any,
    calibration: Any = None,
    samples: Any = None,
    labels: Any = None,
    preprocess: Wire | tuple[Wire, ...] | list[Wire] | None = None,
    provenance: Mapping[str, str | float] | None = None,
    exits: Sequence[Exit] | None = None,
) -> None:
    """Writes ``model`` (torch.nn.Module) as an export archive that every sparsecomp command reads without torch.

    ``example_input`` is a float tensor with batch (or a tuple, one an input). ``calibration`` and ``samples`` (with
    ``labels``) are arrays, tensors, a DataLoader (its first 512 items) or a .npz with x and y. ``preprocess`` is the
    ``Wire`` on which raw inputs arrive, ``provenance`` a few words and numbers on where the network comes from.
    ``exits`` names the answers of a network with exits; an EarlyExitNetwork brings its own. Raises InputError or
    ConversionError before anything is written; ToolError where the disk refuses. An existing file is replaced in one
    step, or left alone.
    """
    archive = capture(model, example_input)
    momentum = cumulative(model)
    graph = to_graph(read_program(archive), momentum)
    wires = _wires(preprocess, len(graph.inputs))
    found = None
    if calibration is not None:
        calibration, _ = collect(calibration, wires, "calibration")
    if samples is not None:
        samples, found = collect(samples, wires, "samples")
    labels = found if labels is None else to_labels(labels)
    extra = Extra(wires, calibration, samples, labels, momentum, provenance or {}, _exits(model, exits))
    extra.check(graph)
    members = _members(archive)
    members[MEMBER] = dump_extra(extra)
    write_atomically(path, pack(members))


def _wires(preprocess: Any, count: int) -> tuple[Wire, ...]:
    if preprocess is None:
        return (Wire(),) * count
    wires = tuple(preprocess) if isinstance(preprocess, list | tuple) else (preprocess,)
    if not all(isinstance(wire, Wire) for wire in wires):
        raise InputError(
            "preprocess is not a Wire", "from sparsecomp.wire import Wire; preprocess=Wire('u8', scale=1/255)"
        )
    return wires


def _exits(model: Any, given: Sequence[Exit] | None) -> tuple[Exit, ...]:
    # By what it offers and not by its class: the room of early exit builds on this one.
    records = getattr(model, "exit_records", None)
    found = given if given is not None else records() if callable(records) else ()
    if not all(isinstance(item, Exit) for item in found):
        raise InputError("exits are not of the class Exit", "from sparsecomp.frontend import Exit; Exit('features.2')")
    return tuple(found)


def _members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {info.filename.split("/", 1)[1]: file.read(info) for info in file.infolist()}


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes beside ``path`` and renames, so that there never is half a file; ToolError where that fails."""
    path = os.path.abspath(os.fspath(path))
    name = os.path.basename(path)
    aside = None
    try:
        handle, aside = tempfile.mkstemp(prefix=f".{name}.", dir=os.path.dirname(path))
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o666 & ~_umask())
        os.replace(aside, path)
    except OSError as error:
        if aside is not None and os.path.exists(aside):
            os.unlink(aside)
        raise ToolError(
            f"cannot write '{name}': {error.strerror or error}", "check the folder, its rights and the disk"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
