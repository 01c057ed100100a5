"""Random networks of 1 to 8 operators, drawn so that every operator comes up with each of its options."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sparsecomp.wire import Wire

MAX_ELEMENTS = 500  # of a feature map: the host build of each network runs thousands of times


@dataclass
class Draw:
    """A source of choices (hypothesis' ``draw``), the options that were taken, and weights by a seed."""

    choose: object
    taken: list[str] = field(default_factory=list)
    offered: set[str] = field(default_factory=set)

    def one(self, label: str, *options):
        """One of ``options``, remembered as ``label=option``."""
        self.offered.update(f"{label}={option}" for option in options)
        value = self.choose(options)
        self.taken.append(f"{label}={value}")
        return value


class Network(nn.Module):
    """Stages run in order; a stage is a module, or a function of (x, modules)."""

    def __init__(self, stages):
        super().__init__()
        self.stages = stages
        self.layers = nn.ModuleList([m for kind, m in stages if isinstance(m, nn.Module)])

    def forward(self, *inputs):
        x, outputs = inputs[0], []
        for kind, stage in self.stages:
            if kind == "join":
                x = stage(x, inputs[1])
            elif kind == "residual":
                x = x + stage(x)
            elif kind == "double":
                x = x + x
            elif kind == "concat":
                x = torch.cat([x, stage(x)], 1)
            elif kind == "unseen":
                x = torch.cat([torch.zeros_like(x), x], 1)
            elif kind == "side":
                outputs.append(x)
            else:
                x = stage(x)
        return (x, *outputs) if outputs else x


def sparsify(weight: torch.Tensor, density: float, rng: np.random.Generator) -> None:
    keep = torch.from_numpy(rng.random(tuple(weight.shape)) < density)
    with torch.no_grad():
        weight.mul_(keep)


def convolution(d: Draw, rank: int, channels: int, rng) -> nn.Module:
    groups = d.one("conv.groups", "one", "two", "depthwise")
    count = {"one": 1, "two": 2 if channels % 2 == 0 else 1, "depthwise": channels}[groups]
    kind = (nn.Conv1d, nn.Conv2d)[rank - 1]
    kernel = d.one("conv.kernel", 1, 2, 3)
    padding = d.one("conv.padding", 0, 1, 2, "same")
    stride = 1 if padding == "same" else d.one("conv.stride", 1, 2, 3)
    if rank == 2 and d.one("conv.square", True, False) is False and padding != "same":
        kernel, stride = (kernel, 1), (1, stride)
        padding = (padding, 0)
    layer = kind(
        channels,
        count * d.one("conv.filters", 1, 2, 3),
        kernel,
        stride=stride,
        padding=padding,
        dilation=d.one("conv.dilation", 1, 2),
        groups=count,
        bias=d.one("conv.bias", True, False),
    )
    sparsify(layer.weight, d.one("conv.density", 1.0, 0.3, 0.05, 0.0), rng)
    return layer


def batch_norm(d: Draw, dims: int, channels: int, rng) -> nn.Module:
    layer = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)[dims - 1](channels, affine=d.one("bn.affine", True, False))
    sign = d.one("bn.gain", "positive", "mixed")
    with torch.no_grad():
        layer.running_mean.copy_(torch.from_numpy(rng.normal(size=channels)))
        layer.running_var.copy_(torch.from_numpy(rng.uniform(0.2, 2, channels)))
        if layer.affine:
            gain = rng.uniform(0.3, 2, channels) * (1 if sign == "positive" else rng.choice([-1, 1], channels))
            layer.weight.copy_(torch.from_numpy(gain))
            layer.bias.copy_(torch.from_numpy(rng.normal(size=channels)))
    return layer


def pool(d: Draw, rank: int) -> nn.Module:
    kind = d.one("pool", "max", "avg", "adaptive")
    if kind == "adaptive":
        return (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)[rank - 1](d.one("adaptive.size", 1, 2, 3))
    kernel, ceil = d.one(f"{kind}.kernel", 2, 3), d.one(f"{kind}.ceil_mode", False, True)
    padding, stride = d.one(f"{kind}.padding", 0, 1), d.one(f"{kind}.stride", 1, 2)
    if kind == "max":
        dilation = d.one("max.dilation", 1, 2)
        return (nn.MaxPool1d, nn.MaxPool2d)[rank - 1](kernel, stride, padding, dilation, ceil_mode=ceil)
    include = d.one("avg.count_include_pad", True, False)
    if rank == 1:
        return nn.AvgPool1d(kernel, stride, padding, ceil, include)
    return nn.AvgPool2d(kernel, stride, padding, ceil, include, d.one("avg.divisor", None, 3))


def pool_channels(d: Draw, rank: int) -> nn.Module:
    """Over channels and space. Raises ValueError for lines."""
    if rank != 2:
        raise ValueError("torch takes maps for volumes, not lines")
    kernel = (d.one("channels.kernel", 2, 3), *d.one("channels.space", (1, 1), (2, 2)))
    return nn.MaxPool3d(kernel, (d.one("channels.stride", 1, 2), *kernel[1:]))


ACTIVATIONS = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "hardswish": nn.Hardswish,
    "functional_relu": lambda: functional.relu,
    "functional_tanh": lambda: torch.tanh,
    "hardtanh": lambda: nn.Hardtanh(-0.5, 0.8),
    "clamp": lambda: lambda x: torch.clamp(x, min=-0.3),
}


def reshape(d: Draw, x: torch.Tensor):
    shape = tuple(x.shape[1:])
    if len(shape) == 3:
        way = d.one("reshape", "merge", "split")
        target = (shape[0], shape[1] * shape[2]) if way == "merge" else (shape[0] * shape[1], 1, shape[2])
    elif len(shape) == 2:
        target = (shape[1], shape[0], 1)
    else:
        target = (shape[0], 1) if d.one("reshape.flat", "column", "row") == "column" else (1, shape[0])
    return lambda t: t.view(1, *target)


# How often each kind of stage is drawn, on flat tensors and on maps.
FLAT_WEIGHTS = {
    "linear": 2,
    "activation": 3,
    "batch_norm": 1,
    "dropout": 1,
    "residual": 1,
    "concat": 1,
    "pad": 1,
    "reshape": 1,
    "double": 1,
    "softmax": 2,
    "side": 1,
    "unseen": 1,
}
MAP_WEIGHTS = {
    "conv": 4,
    "activation": 5,
    "batch_norm": 2,
    "pool": 3,
    "dropout": 1,
    "residual": 1,
    "concat": 1,
    "pad": 1,
    "mean": 1,
    "flatten": 1,
    "reshape": 1,
    "double": 1,
    "side": 1,
    "join": 1,
    "unseen": 2,
    "upsample": 2,
    "pool_channels": 3,
}
FLAT, MAPS = ([name for name, n in kinds.items() for _ in range(n)] for kinds in (FLAT_WEIGHTS, MAP_WEIGHTS))


def stage(d: Draw, name: str, x: torch.Tensor, rng):
    """The stage ``name`` for an input like ``x`` (batch 1): (kind, module or function)."""
    rank, channels = x.dim() - 2, x.shape[1]
    if name == "conv":
        return name, convolution(d, rank, channels, rng)
    if name == "linear":
        layer = nn.Linear(channels, d.one("linear.outputs", 3, 7, 10), bias=d.one("linear.bias", True, False))
        sparsify(layer.weight, d.one("linear.density", 1.0, 0.2, 0.02), rng)
        return name, layer
    if name == "activation":
        return name, ACTIVATIONS[d.one("activation", *ACTIVATIONS)]()
    if name == "batch_norm":
        return name, batch_norm(d, rank + 1, channels, rng)
    if name == "pool":
        return name, pool(d, rank)
    if name == "pool_channels":
        return name, pool_channels(d, rank)
    if name == "dropout":
        return name, nn.Dropout(0.3)
    if name == "residual":
        same = (
            nn.Linear(channels, channels)
            if rank == 0
            else (nn.Conv1d, nn.Conv2d)[rank - 1](
                channels,
                channels,
                3,
                padding=1,
                groups={"one": 1, "depthwise": channels}[d.one("residual.groups", "one", "depthwise")],
            )
        )
        return name, same
    if name == "concat":
        other = nn.Linear(channels, 4) if rank == 0 else (nn.Conv1d, nn.Conv2d)[rank - 1](channels, 2, 1)
        return name, other
    if name == "pad":
        value = d.one("pad.value", 0.0, 0.7)
        width = d.one("pad.width", (1, 0), (1, 2)) * max(1, rank)
        return name, lambda t: functional.pad(t, width, value=value)
    if name == "mean":
        dims = {1: [(2,)], 2: [(2, 3), (2,), (3,)]}[rank]
        dim, keep = d.one("mean.dim", *dims), d.one("mean.keepdim", True, False)
        return name, lambda t: t.mean(dim=dim, keepdim=keep)
    if name == "flatten":
        return name, nn.Flatten() if d.one("flatten", "module", "functional") == "module" else lambda t: t.flatten(1)
    if name == "reshape":
        return name, reshape(d, x)
    if name == "upsample":
        return name, nn.Upsample(scale_factor=d.one("upsample", 2, 3))
    if name == "softmax":
        return name, nn.Softmax(1) if d.one("softmax", "soft", "log") == "soft" else nn.LogSoftmax(1)
    if name == "join":
        way = d.one("join", "add", "concat")
        return name, (lambda a, b: a + b) if way == "add" else (lambda a, b: torch.cat([a, b], 1))
    return name, None


@dataclass(frozen=True)
class Case:
    """A network with its inputs: example tensors (batch 1), samples (N, *shape) in wire type, and their wires."""

    network: nn.Module
    examples: tuple[torch.Tensor, ...]
    samples: tuple[np.ndarray, ...]
    wires: tuple[Wire, ...]
    taken: tuple[str, ...]
    offered: frozenset[str]


def samples_for(d: Draw, shape: tuple[int, ...], rng) -> tuple[np.ndarray, Wire]:
    kind = d.one("wire", "f32", "u8", "i8", "i16", "table")
    if kind == "f32":
        return rng.normal(size=(6, *shape)).astype(np.float32), Wire()
    if kind == "i16":
        return rng.integers(-2000, 2000, (6, *shape)).astype(np.int16), Wire("i16", 0.001, 0.2)
    if kind == "i8":
        return rng.integers(-128, 128, (6, *shape)).astype(np.int8), Wire("i8", 0.02, -0.1)
    table = tuple(np.linspace(-1, 1, 256) ** 3) if kind == "table" else None
    wire = Wire("u8", table=table) if table else Wire("u8", 1 / 255)
    return rng.integers(0, 256, (6, *shape)).astype(np.uint8), wire


def build(choose, seed: int) -> Case:
    """A network from a source of choices: ``choose(options) -> option``."""
    d = Draw(choose)
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    shape = d.one("input", (1, 8, 8), (2, 6, 5), (3, 7, 7), (2, 12), (4, 9), (10,))
    x = torch.from_numpy(rng.normal(size=(1, *shape)).astype(np.float32))
    stages, joined, done = [], None, False
    wanted = d.one("operators", 1, 2, 3, 4, 5, 6, 7, 8)
    for _ in range(4 * wanted):  # some draws do not suit the shape and are drawn again
        if done or len(stages) == wanted:
            break
        rank = x.dim() - 2
        name = d.one("operator", *(FLAT if rank == 0 else MAPS))
        if name == "join" and joined is not None:
            name = "conv"
        before = len(d.taken)
        try:
            kind, module = stage(d, name, x, rng)
            with torch.no_grad():
                second = torch.from_numpy(rng.normal(size=tuple(x.shape)).astype(np.float32))
                probe = Network([(kind, module)]).eval()
                y = probe(x, second) if kind == "join" else probe(x)
                y = y[0] if isinstance(y, tuple) else y
        except (RuntimeError, ValueError):  # an option that this shape does not allow: torch says so
            del d.taken[before - 1 :]
            continue
        if not 0 < y[0].numel() <= MAX_ELEMENTS or not y.isfinite().all():
            del d.taken[before - 1 :]
            continue
        if kind == "join":
            joined = tuple(x.shape[1:])
        stages.append((kind, module))
        x, done = y, kind == "softmax"
    if not any(kind not in ("side", "dropout") for kind, _ in stages):
        stages.append(("activation", nn.ReLU()))
    network = Network(stages).eval()
    inputs = [shape] if joined is None else [shape, joined]
    pairs = [samples_for(d, s, rng) for s in inputs]
    examples = tuple(torch.zeros(1, *s) for s in inputs)
    return Case(
        network, examples, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), tuple(d.taken), frozenset(d.offered)
    )
