"""torch.export in eval mode with a batch of one -> the bytes of an archive without paths, pickles or dates."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import traceback
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sparsecomp.errors import ConversionError, InputError
from sparsecomp.frontend.arrays import as_array
from sparsecomp.frontend.evaluating import evaluating, said
from sparsecomp.frontend.naming import source_line, user_frames

MIN_TORCH = (2, 10)  # before it, weights_only could be bypassed (CVE-2026-24747)
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DROPPED = ".data/serialization_id"  # a hash of torch's own layout of the file
_SAMPLES = "data/sample_inputs/model.pt"


def need_torch() -> Any:
    """The torch module; InputError where it is missing or too old."""
    try:
        import torch
    except ImportError as error:
        raise InputError("this needs PyTorch, which is not installed", "pip install 'torch>=2.10'") from error
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < MIN_TORCH:
        raise InputError(f"PyTorch {torch.__version__} is too old", "pip install 'torch>=2.10'")
    return torch


def capture(model: Any, example_input: Any) -> bytes:
    """The export archive of ``model``, captured in eval mode on the first item of ``example_input``.

    The model's training flags are restored. Raises InputError where it is no module or the example is unusable,
    ConversionError where torch cannot capture the forward.
    """
    torch = need_torch()
    if not isinstance(model, torch.nn.Module):
        raise InputError(
            f"the model is a {type(model).__name__}, not a torch.nn.Module",
            "build the network and load its weights first: model.load_state_dict(...)",
        )
    arguments = _example(torch, model, example_input)
    try:
        with evaluating(model), _quiet(), torch.no_grad():
            program = torch.export.export(model, arguments, strict=False)
            buffer = io.BytesIO()
            torch.export.save(program, buffer)
    except Exception as error:  # torch raises any class here, the user's forward as well
        raise ConversionError(
            f"torch.export cannot capture the model{_culprit(error)}: {said(error)}",
            "the forward must run on example_input and must not branch on values of tensors",
        ) from error
    return pack(strip(buffer.getvalue()))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warnings, log records and graph dumps: what is wrong goes into one message."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)


def _culprit(error: Exception) -> str:
    """ " at net.py:12": the user's innermost line in a traceback, where there is one."""
    here, standard = os.path.dirname(__file__), os.path.dirname(os.__file__)
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        package = "site-packages" in frame.filename or "dist-packages" in frame.filename
        library = frame.filename.startswith(standard) and not package
        generated = frame.filename.startswith("<")  # torch's own code made at run time, or a line typed by the user
        if not library and not generated and not frame.filename.startswith(here):
            lines.append(f'File "{frame.filename}", line {frame.lineno}, in forward')
    where = source_line("\n".join(lines))
    return f" at {where}" if where else ""


def cumulative(model: Any) -> dict[str, None]:
    """The running means of batch-norms with ``momentum=None``, which an eval-mode archive writes as 0."""
    found = {}
    for name, module in model.named_modules():
        if getattr(module, "running_mean", None) is not None and getattr(module, "momentum", 0.0) is None:
            found[f"{name}.running_mean" if name else "running_mean"] = None
    return found


def _example(torch: Any, model: Any, example_input: Any) -> tuple[Any, ...]:
    items: Sequence[Any] = example_input if isinstance(example_input, list | tuple) else [example_input]
    parameter = next(model.parameters(), None)
    tensors = []
    for item in items:
        array = as_array(item, "example_input")
        if array.ndim < 2 or 0 in array.shape or array.dtype.kind != "f":
            raise InputError(
                f"example_input has the shape {array.shape} and type {array.dtype}",
                "give floats with a batch dimension in front, such as torch.zeros(1, 1, 28, 28)",
            )
        tensor = torch.from_numpy(np.array(array[:1], np.float32))
        tensors.append(tensor if parameter is None else tensor.to(parameter.device))
    if not tensors:
        raise InputError("example_input is empty", "give one tensor for each argument of forward")
    return tuple(tensors)


def strip(archive: bytes) -> dict[str, bytes]:
    """The members of torch's archive that are needed, in order; source paths reduced to file names."""
    members = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        for info in file.infolist():
            name = info.filename.split("/", 1)[1]
            if name != _DROPPED:
                members[name] = file.read(info)
    members[_SAMPLES] = b""  # a pickle otherwise; torch wants the member, and takes an empty one for none
    model = json.loads(members["models/model.json"])
    for node in model["graph_module"]["graph"]["nodes"]:
        metadata = node["metadata"]
        node["metadata"] = {
            "stack_trace": user_frames(metadata.get("stack_trace", "")),
            "nn_module_stack": metadata.get("nn_module_stack", ""),
        }
    members["models/model.json"] = json.dumps(model).encode()
    return members


def pack(members: dict[str, bytes]) -> bytes:
    """A zip of ``members`` under the folder ``model``: stored, without dates, the same bytes for the same members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(f"model/{name}", _EPOCH)
            info.external_attr = 0o644 << 16
            info.create_system = 3  # the same on every system
            file.writestr(info, data)
    return buffer.getvalue()
