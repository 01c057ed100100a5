"""The program under construction: what the operators' ``lower`` call to store tensors and to emit steps.

Tensors are stored HWC; a flattened map keeps that order where only linear layers read it (their columns are permuted
instead). A padded convolution gets a halo around its input, written by a fill step before the input itself is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sparsecomp.arithmetic import round_half_up, widest_shift
from sparsecomp.errors import ConversionError
from sparsecomp.graph import Graph, Node
from sparsecomp.layout import hwc
from sparsecomp.ops import macs, operator
from sparsecomp.program import INT16, Step, Stored

NO_HALO_READERS = ("reshape", "linear")


@dataclass(frozen=True)
class Options:
    """How to lower: ``numeric`` 'int8' or 'float32', ``encoding`` and ``weight_bits`` 8 or 16; ``narrow`` as in
    quantize_filters; ``separate`` leaves out maps that need not exist (layer separation). ``exits`` are (name,
    temperature) of each output where the outputs are those of early exits.
    """

    numeric: str = "int8"
    encoding: str = "auto"
    weight_bits: int = 8
    narrow: bool = False
    separate: bool = True
    exits: tuple[tuple[str, float], ...] = ()


@dataclass
class Builder:
    """A program that grows step by step.

    ``fractions`` are the exponents of the float tensors, ``fused`` maps an operator's name to the activation that it
    computes as well, ``origins`` a stored tensor to the float tensor that it holds.
    """

    graph: Graph
    fractions: Mapping[str, int]
    options: Options
    tensors: dict[str, Stored] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    fused: dict[str, Node] = field(default_factory=dict)
    suffix: str = ""  # of step names
    _counts: dict[str, int] = field(default_factory=dict)

    @property
    def is_float(self) -> bool:
        """Whether elements are float32."""
        return self.options.numeric == "float32"

    @property
    def element_words(self) -> int:
        """16-bit words an element."""
        return 2 if self.is_float else 1

    # --- names and shapes -------------------------------------------------------------------------------------------

    def fresh(self, prefix: str) -> str:
        """The next step name with this prefix: conv1, conv2, …"""
        key = prefix + self.suffix
        self._counts[key] = self._counts.get(key, 0) + 1
        return f"{prefix}{self._counts[key]}{self.suffix}"

    def read(self, name: str) -> Stored:
        """The stored tensor of a float tensor."""
        return self.tensors[name]

    def canonical(self, name: str, node: Node) -> Stored:
        """The stored tensor, moved into torch's flat order where it is a flattened map that kept HWC order."""
        tensor = self.tensors[name]
        if not tensor.layout:
            return tensor
        height, width, channels = hwc(tensor.layout)
        flat = self.add(replace(tensor, name=f"{name}_chw", alias="", layout=()))
        self.emit(
            "copy",
            "permute",
            (name,),
            flat.name,
            tensor.elements,
            node,
            {
                "size": (channels, height, width),
                "input_start": 0,
                "output_start": 0,
                "input_step": (1, width * channels, channels),
                "output_step": (height * width, width, 1),
                "gain": 256,
                "shift": 8,
            },
        )
        return flat

    # --- tensors ----------------------------------------------------------------------------------------------------

    def add(self, tensor: Stored) -> Stored:
        """Registers a tensor."""
        if tensor.name in self.tensors:
            raise ConversionError(f"two tensors are named '{tensor.name}'")
        self.tensors[tensor.name] = tensor
        return tensor

    def target(self, node: Node) -> tuple[str, float, float]:
        """The float tensor that ``node`` computes and its clamp: with an activation that is fused, the activation's."""
        activation = self.fused.get(node.name)
        if activation is None:
            return node.output, -math.inf, math.inf
        return activation.output, *operator(activation.op).bounds(activation)

    def output(
        self,
        name: str,
        fraction: int,
        low: float = -math.inf,
        high: float = math.inf,
        *,
        halo: tuple[int, int, int, int] | None = None,
        layout: tuple[int, ...] = (),
        grid: tuple[int, int, int] | None = None,
    ) -> Stored:
        """Registers the stored tensor of float tensor ``name``, clamped to real values [low, high]; fills its halo.

        ``grid`` is (height, width, channels) as the kernel writes it, where torch drops an axis in between: then
        ``name`` is the same bytes under its own shape.
        """
        height, width, channels = hwc(self.graph.shapes[name])
        q_low, q_high = self.clamp(low, high, fraction)
        if grid is not None and grid != (height, width, channels):
            written = self.add(Stored(f"{name}_grid", *grid, fraction, (0, 0, 0, 0), q_low, q_high))
            self.add(replace(written, name=name, height=height, width=width, channels=channels, alias=written.name))
            self.origins[written.name] = name
            return written
        tensor = Stored(
            name,
            height,
            width,
            channels,
            fraction,
            self.halo(name) if halo is None else halo,
            q_low,
            q_high,
            "",
            layout,
        )
        self.add(tensor)
        self.origins[name] = name
        self.fill_halo(tensor)
        return tensor

    def fill_halo(self, tensor: Stored, value: float = 0.0) -> None:
        """Emits the step that writes a tensor's halo, if it has one."""
        if any(tensor.halo):
            self.emit(
                "fill",
                "halo",
                (),
                tensor.name,
                tensor.stored_height,
                None,
                {"value": value, "whole": False, "pitch": tensor.pitch},
            )

    def clamp(self, low: float, high: float, fraction: int) -> tuple[float, float]:
        """Bounds in elements: real bounds at an exponent, within int16; as they are in a float model."""
        if self.is_float:
            return low, high
        ints = [
            bound if math.isinf(q) else int(min(max(round_half_up(np.float64(q * 2.0**fraction)), INT16[0]), INT16[1]))
            for q, bound in zip((low, high), INT16, strict=True)
        ]
        return ints[0], ints[1]

    def fraction(self, name: str) -> int:
        """Calibrated exponent of a float tensor; 0 in a float model."""
        return 0 if self.is_float else self.fractions[name]

    def halo(self, name: str) -> tuple[int, int, int, int]:
        """The halo that the convolutions reading ``name`` need, (0, 0, 0, 0) where some reader cannot have one."""
        readers = self.graph.consumers(name)
        if name in self.graph.outputs or any(n.op in NO_HALO_READERS for n in readers):
            return (0, 0, 0, 0)
        wanted = [operator(n.op).halo(n) for n in readers if n.op == "conv"]
        return tuple(max((h[i] for h in wanted), default=0) for i in range(4))

    def with_halo(self, name: str, halo: tuple[int, int, int, int], node: Node) -> Stored:
        """``name`` with at least this halo: itself, or a copy where other readers forbid one."""
        tensor = self.tensors[name]
        if all(have >= want for have, want in zip(tensor.halo, halo, strict=True)):
            return tensor
        padded = self.add(replace(tensor, name=f"{node.name}_in", halo=halo, alias=""))
        self.fill_halo(padded)
        self.copy_box(tensor, padded, node, "pad")
        return padded

    # --- steps ------------------------------------------------------------------------------------------------------

    def emit(
        self,
        kernel: str,
        prefix: str,
        inputs: tuple[str, ...],
        output: str,
        items: int,
        node: Node | None,
        attrs: Mapping[str, Any],
        more: tuple[str, ...] = (),
    ) -> Step:
        """Appends a step that stands for ``node``, and for the activation that is fused into it; None for a halo."""
        activation = self.fused.get(node.name) if node else None
        source = node.name + (f"+{activation.op}" if activation else "") if node else output
        step = Step(
            kernel,
            self.fresh(prefix),
            inputs,
            output,
            items,
            attrs,
            source,
            node.where if node else "",
            macs(self.graph, node) if node is not None and kernel == "mac" else 0,
            more,
        )
        self.steps.append(step)
        return step

    def gain(self, factor: float) -> tuple[int, int]:
        """(gain, shift) of a change of scale by ``factor``."""
        if self.is_float:
            return 256, 8
        shift = widest_shift(factor)
        return int(round_half_up(np.float64(factor * 2.0**shift))), shift

    def copy_box(
        self, source: Stored, to: Stored, node: Node, prefix: str, at: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        """Emits a copy of all of ``source`` into ``to`` at (row, column, channel)."""
        gain, shift = self.gain(2.0 ** (to.fraction - source.fraction))
        start = to.origin + at[0] * to.pitch + at[1] * to.channels + at[2]
        self.emit(
            "copy",
            prefix,
            (source.name,),
            to.name,
            source.elements,
            node,
            {
                "size": source.shape,
                "input_start": source.origin,
                "input_step": (source.pitch, source.channels, 1),
                "output_start": start,
                "output_step": (to.pitch, to.channels, 1),
                "gain": gain,
                "shift": shift,
            },
        )
