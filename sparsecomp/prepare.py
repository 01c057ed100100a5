"""The front half of the line: a model file to a Program, with its data in the forms that later stages want."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sparsecomp.datasets import check_classes, check_labels, load_arrays, match_shape
from sparsecomp.encodings import CHOICES
from sparsecomp.errors import DoesNotFitError, InputError
from sparsecomp.exits import DEFAULT_POLICY, answers, confidence, make_policy, parse_policy
from sparsecomp.frontend import LoadedModel, load
from sparsecomp.frontend.loading import detect, read_file
from sparsecomp.graph import Graph
from sparsecomp.lower import Options, lower
from sparsecomp.ops import run_float
from sparsecomp.passes import simplify
from sparsecomp.program import MAX_ELEMENTS, Program
from sparsecomp.quantize import calibrate
from sparsecomp.reference import exit_elements, exit_scores, run, to_wire
from sparsecomp.widths import CHECKED_SAMPLES, widened
from sparsecomp.wire import Wire

FLOAT_BATCH = 64


@dataclass(frozen=True)
class Request:
    """What the user asked for, shared by all verbs."""

    calibration: str | Path | np.ndarray | None = None
    input_shape: tuple | None = None
    arch: str | None = None
    trust_pickle: bool = False
    numeric: str = "int8"
    encoding: str = "auto"
    weights: str = "auto"
    volatile_input: bool = False
    separate: bool = True  # False: every map exists, as in the network
    policy: str | None = None  # of a network with early exits; None: confidence:0.9, or full for float32
    tiles: str = "fit"  # layers in parts: 'none', as few as 'fit' the board, or as many as give the 'least' maps
    lea: bool = False  # dense layers by the low-energy accelerator where that is estimated to be faster

    def __post_init__(self) -> None:
        for name, known in (
            ("numeric", ("int8", "float32")),
            ("weights", ("auto", "int8", "int16")),
            ("encoding", tuple(CHOICES)),
            ("tiles", ("none", "fit", "least")),
        ):
            if getattr(self, name) not in known:
                raise InputError(f"unknown {name} '{getattr(self, name)}'", "use one of " + ", ".join(known))
        if self.lea and self.numeric == "float32":
            raise InputError("the low-energy accelerator computes with integers", "leave one of the two out")


@dataclass(frozen=True)
class Data:
    """Samples: ``raw`` as the user has them, ``wire`` as the device receives them (N, elements), ``labels`` or None."""

    raw: tuple[np.ndarray, ...]
    wire: tuple[np.ndarray, ...]
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.raw[0])

    def first(self, count: int) -> Data:
        """The first ``count`` samples."""
        cut = None if self.labels is None else self.labels[:count]
        return Data(tuple(r[:count] for r in self.raw), tuple(w[:count] for w in self.wire), cut)


@dataclass(frozen=True)
class Prepared:
    """A program with the float network it stands for. ``graph`` is simplified; ``calibration`` is in wire type."""

    loaded: LoadedModel
    graph: Graph
    program: Program
    calibration: tuple[np.ndarray, ...]

    def real(self, raw: tuple[np.ndarray, ...]) -> list[np.ndarray]:
        """Raw samples as the float network reads them."""
        return _real(self.loaded, raw)

    def data(self, raw: tuple[np.ndarray, ...], labels: np.ndarray | None = None) -> Data:
        """Raw samples with what the device receives for them."""
        ports = zip(self.program.inputs, self.loaded.wires, raw, strict=True)
        return Data(raw, tuple(to_wire(port, wire, x) for port, wire, x in ports), labels)

    def float_answer(self, outputs: tuple[np.ndarray, ...]) -> np.ndarray:
        """What the float network answers with those outputs: the first, or that of the exit which the policy takes."""
        if not self.program.exits:
            return outputs[0]
        scale = self.program.scale(self.program.exits[0].tensor)
        return answers(self.program.policy, [x / scale for x in outputs])[0] * scale

    def values(self, data: Data) -> tuple[np.ndarray, ...]:
        """What compares with ``float_outputs``: outputs in real values, of every exit where there are some."""
        if self.program.exits:
            return exit_scores(self.program, data.wire)
        return run(self.program, data.wire).values

    def float_outputs(self, raw: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Outputs (N, *shape) of the float network, of every exit; a final softmax is left out as in the program."""
        parts = []
        for i in range(0, len(raw[0]), FLOAT_BATCH):
            values = run_float(self.graph, self.real(tuple(x[i : i + FLOAT_BATCH] for x in raw)))
            parts.append([values[name] for name in self.graph.outputs])
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def prepare(model: str | Path | LoadedModel, request: Request, *, uncalibrated: bool = False) -> Prepared:
    """Loads, simplifies, calibrates and lowers. ``uncalibrated`` allows random data where the model has none (sizes
    only). Raises InputError where calibration data are missing or do not fit.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(model, request)
    graph, notes = simplify(loaded.graph)
    check_sizes(graph)
    raw = _calibration(loaded, graph, request)
    calibrated = raw is not None
    if raw is None:
        if not uncalibrated and request.numeric != "float32":
            raise InputError(
                "the model has no calibration data, which its integer exponents are chosen from",
                "give --calibrate data.npz, or write the model with sparsecomp.save(..., calibration=inputs)",
            )
        raw = random_inputs(graph, loaded.wires)
        if request.numeric != "float32":
            notes = (*notes, "not calibrated: exponents come from random inputs, sizes are right, accuracy is not")
    bits = 16 if request.weights == "int16" else 8
    fractions = {} if request.numeric == "float32" else calibrate(graph, _real(loaded, raw))
    # A network whose only exit is its end is a plain one.
    exits = tuple((leaving.name, leaving.temperature) for leaving in loaded.exits if len(loaded.exits) > 1)
    options = Options(request.numeric, request.encoding, bits, separate=request.separate, exits=exits)
    prepared = Prepared(loaded, graph, lower(graph, loaded.wires, fractions, options, notes), raw)
    if request.weights == "auto" and request.numeric != "float32" and calibrated:
        prepared = widened(prepared, fractions, options, notes)
    return with_policy(prepared, request.policy, calibrated)


def with_policy(prepared: Prepared, text: str | None, calibrated: bool = True) -> Prepared:
    """The same with an exit policy. Raises InputError where it does not fit, or where there are no exits."""
    program = prepared.program
    if not program.exits:
        if text is not None:
            raise InputError(f"the exit policy '{text}' is for networks with early exits", "this one has none")
        return prepared
    wanted = parse_policy(("full" if program.is_float else DEFAULT_POLICY) if text is None else text)
    fraction = program.tensors[program.exits[0].tensor].fraction
    policy = make_policy(wanted, program.exits, fraction, program.is_float)
    prepared = replace(prepared, program=replace(program, policy=policy))
    if wanted.share is None or not calibrated:
        return prepared
    return replace(prepared, program=replace(prepared.program, notes=(*program.notes, *_never_sure(prepared))))


def _never_sure(prepared: Prepared) -> Iterator[str]:
    """A note where confidence ends no inference on calibration data: a threshold too high, or scores not logits."""
    data = prepared.data(tuple(x[:CHECKED_SAMPLES] for x in prepared.calibration))
    policy, exits = prepared.program.policy, prepared.program.exits
    scores = exit_elements(prepared.program, data.wire)[: policy.limit]
    never = [exits[i].name for i, mine in enumerate(scores) if (confidence(mine) <= policy.margins[i]).all()]
    if never:
        yield (
            f"policy '{policy.text}': none of {len(data)} calibration samples is confident enough to leave at exit"
            f" {', '.join(never)} (its scores should be logits)"
        )


def _real(loaded: LoadedModel, raw: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    return [wire.to_float(x) for wire, x in zip(loaded.wires, raw, strict=True)]


def load_model(path: str | Path, request: Request) -> LoadedModel:
    """The model file; a pickled module's input shape is taken from the calibration data where it is not given."""
    shape = request.input_shape
    if shape is None and isinstance(request.calibration, str | Path) and not _is_archive(path):
        columns, _ = load_arrays(request.calibration, train=True)
        shape = tuple(c.shape[1:] for c in columns)
        shape = shape[0] if len(shape) == 1 else shape
    return load(path, arch=request.arch, input_shape=shape, trust_pickle=request.trust_pickle)


def _is_archive(path: str | Path) -> bool:
    return detect(read_file(path)) == "pt2"


def as_raw(columns, graph: Graph, wires: tuple[Wire, ...], name: str) -> tuple[np.ndarray, ...]:
    """The user's arrays as raw samples (N, *shape) in wire type. Raises InputError where they cannot be."""
    if len(columns) != len(graph.inputs):
        raise InputError(
            f"{name} holds {len(columns)} input(s), the model reads {len(graph.inputs)}",
            "np.savez('data.npz', x0=first, x1=second, y=labels)",
        )
    out = []
    for x, tensor, wire in zip(columns, graph.inputs, wires, strict=True):
        x = match_shape(np.asarray(x), graph.shapes[tensor], name)
        if wire.dtype == "f32":
            x = x.astype(np.float32)
        elif x.dtype != wire.numpy_dtype:
            limits = np.iinfo(wire.numpy_dtype)
            if x.dtype.kind not in "iu" or x.min() < limits.min or x.max() > limits.max:
                raise InputError(
                    f"the samples in {name} are {x.dtype} from {x.min():g} to {x.max():g}, it takes {wire.dtype}",
                    "give the data as the device will receive them, before any preprocessing",
                )
            x = x.astype(wire.numpy_dtype)
        out.append(x)
    return tuple(out)


def _calibration(loaded: LoadedModel, graph: Graph, request: Request) -> tuple[np.ndarray, ...] | None:
    given = request.calibration
    if given is None:
        return loaded.calibration
    if isinstance(given, str | Path):
        columns, _ = load_arrays(given, train=True)
        return as_raw(columns, graph, loaded.wires, Path(given).name)
    columns = given if isinstance(given, tuple | list) else (given,)
    return as_raw(columns, graph, loaded.wires, "the calibration data")


def random_inputs(graph: Graph, wires: tuple[Wire, ...], count: int = 8, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Seeded random samples in wire type, for when there is nothing better."""
    rng = np.random.default_rng(seed)
    out = []
    for name, wire in zip(graph.inputs, wires, strict=True):
        shape = (count, *graph.shapes[name])
        if wire.dtype == "f32":
            out.append(rng.standard_normal(shape).astype(np.float32))
        else:
            limits = np.iinfo(wire.numpy_dtype)
            out.append(rng.integers(limits.min, limits.max + 1, shape).astype(wire.numpy_dtype))
    return tuple(out)


def test_data(prepared: Prepared, path: str | Path | None) -> Data:
    """Samples to validate on: the user's file, those in the model, or its calibration data (without labels)."""
    loaded = prepared.loaded
    if path is not None:
        columns, labels = load_arrays(path)
        raw = as_raw(columns, prepared.graph, loaded.wires, Path(path).name)
        return prepared.data(raw, _labels(prepared, labels, Path(path).name, len(raw[0])))
    if loaded.samples is not None:
        return prepared.data(loaded.samples, _labels(prepared, loaded.labels, "the model", len(loaded.samples[0])))
    return prepared.data(prepared.calibration)


def saturated(prepared: Prepared, raw: tuple[np.ndarray, ...]) -> float:
    """Largest share, over the inputs, of elements beyond what the exponent that calibration chose can hold."""
    if prepared.program.numeric == "float32":
        return 0.0
    worst = 0.0
    for name, x in zip(prepared.graph.inputs, prepared.real(raw), strict=True):
        limit = 32768 * 2.0 ** -prepared.program.tensors[name].fraction
        worst = max(worst, float((np.abs(x) > limit).mean()))
    return worst


def _labels(prepared: Prepared, labels: np.ndarray | None, name: str, count: int) -> np.ndarray | None:
    if labels is None:
        return None
    shape = prepared.program.outputs[0].shape
    if labels.dtype.kind in "iu" and len(shape) == 1:
        labels = check_labels(np.zeros((count, 1)), labels, name)
        check_classes(labels, shape[0], name)
    return labels


def check_sizes(graph: Graph) -> None:
    """Raises DoesNotFitError where a layer computes more elements than an index reaches, before anything is run."""
    for tensor in (*graph.inputs, *(node.output for node in graph.nodes)):
        count = math.prod(graph.shapes[tensor])
        if count > MAX_ELEMENTS:
            node = graph.producer(tensor)
            what = f"layer {node.describe()} computes" if node else f"input '{tensor}' has"
            raise DoesNotFitError(
                f"{what} {count} elements {graph.shapes[tensor]}, the most is {MAX_ELEMENTS}",
                "use a smaller input, a larger stride or fewer channels",
            )
