"""Program (what the archive says) -> Graph (what the rest works on).

Values are followed through in-place operators and views: torch's trace names every result, so an in-place operator is
simply its out-of-place twin, as long as nobody reads another name of the overwritten tensor afterwards; that is
checked.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sparsecomp.errors import ConversionError, InputError
from sparsecomp.frontend import aten_layers, aten_simple  # noqa: F401  (they fill the table)
from sparsecomp.frontend.aten_table import EVAL, INPLACE, LAYERS, TABLE, explain
from sparsecomp.frontend.container import clean
from sparsecomp.frontend.naming import Namer, place
from sparsecomp.frontend.payload import DTYPE_NAMES, FLOAT32
from sparsecomp.frontend.pt2 import Call, Program
from sparsecomp.frontend.schema import REEXPORT
from sparsecomp.frontend.values import Arguments, HardswishPart, Param, Tensor, Unusable
from sparsecomp.graph import Graph, Node
from sparsecomp.ops import operator

_BATCH = "export with a batch of one: sparsecomp.save(model, 'model.pt', example_input[:1])"
_INPLACE = "write it without in-place: y = x + ... instead of x += ..., inplace=False"


def to_graph(program: Program, momentum: Mapping[str, float | None] | None = None) -> Graph:
    """The float Graph of a program. Raises ConversionError or InputError naming operator and source line.

    ``momentum`` replaces that of the batch-norm whose running mean has the given key; an archive cannot say None.
    """
    mapper = Mapper(program, momentum or {})
    for call in program.calls:
        mapper.call(call)
    return mapper.graph()


class Mapper(Arguments):
    """What the functions of ``aten_table`` work with: reads arguments, emits nodes."""

    def __init__(self, program: Program, momentum: Mapping[str, float | None]) -> None:
        self._program = program
        self._momentum = momentum
        self._values: dict[str, Any] = {}
        self._stale: dict[int, str] = {}  # storage -> the in-place call that has changed it
        self._nodes: list[Node] = []
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._modules: dict[str, str] = {}
        self._roots = 0
        self._current: Call | None = None
        for name in program.inputs:
            meta = program.metas.get(name)
            if meta is None or meta.sizes is None:
                raise InputError(f"the archive does not describe its input '{name}'", REEXPORT)
            if meta.dtype != FLOAT32:
                kind = DTYPE_NAMES.get(meta.dtype, f"type {meta.dtype}")
                raise InputError(
                    f"input '{name}' is {kind}, not float32",
                    "let the forward take floats, and describe raw bytes by preprocess=Wire('u8', ...)",
                )
            if len(meta.sizes) < 2 or meta.sizes[0] != 1:
                raise InputError(
                    f"input '{name}' has the shape {meta.sizes}; its first dimension must be a batch of 1", _BATCH
                )
            self._values[name] = self._tensor(name, meta.sizes)
        for name, key in program.params.items():
            self._values[name] = Param(key, program.arrays[key].shape)

    # -- walking -----------------------------------------------------------------------------------------------------

    def call(self, call: Call) -> None:
        """Maps one ATen call."""
        self._current = call
        function = TABLE.get(call.target)
        for start, hint in LAYERS.items():
            if f",{start}" in call.modules:
                kind = call.modules.split(f",{start}", 1)[1].split(";")[0].split(",")[0]
                kind = clean(start.rsplit(".", 1)[1] + kind, 40)
                raise ConversionError(f"{kind} ({place(call.stack, call.modules)}) is not supported", hint)
        if function is None:
            raise ConversionError(f"{self.here()} is not supported", explain(call.target))
        arguments = {name: self._argument(*pair) for name, pair in call.args.items()}
        if call.target in INPLACE and isinstance(next(iter(arguments.values()), None), Param):
            raise ConversionError(f"{self.here()} changes a parameter or buffer", EVAL)
        try:
            bound = inspect.signature(function).bind(self, **arguments)
        except TypeError:
            raise ConversionError(f"{self.here()} has arguments that this version does not know", REEXPORT) from None
        function(*bound.args, **bound.kwargs)
        for name in call.outputs[1:]:
            self._set(name, Unusable(f"a side result of {call.target.removeprefix('torch.ops.')}"))
        if call.target in INPLACE:
            self._overwrite(call)

    def _argument(self, kind: str, value: Any) -> Any:
        if kind == "as_none":
            return None
        if kind == "as_tensor":
            return self._read(value["name"])
        if kind == "as_tensors":
            return [self._read(item["name"]) for item in value]
        if kind == "as_string" and value not in ("same", "valid", "constant"):
            return clean(value)
        return value

    def _read(self, name: str) -> Any:
        value = self._values.get(name)
        if value is None:
            count = name in self._program.metas and self._program.metas[name].dtype != FLOAT32
            if count:
                raise InputError(
                    f"{self.here()} updates a counter, as in train mode, or computes with whole numbers", EVAL
                )
            raise ConversionError(f"{self.here()} reads '{clean(name)}', which nothing has computed", REEXPORT)
        if isinstance(value, Unusable):
            raise ConversionError(f"{self.here()} reads {value.reason}", "use the first result only")
        if isinstance(value, Tensor) and value.root in self._stale:
            changed = self._stale[value.root]
            raise ConversionError(f"{self.here()} reads a tensor that {changed} has changed in place", _INPLACE)
        return value

    def _overwrite(self, call: Call) -> None:
        """Marks all other names of the tensor that an in-place call has changed."""
        target = self._values.get(next(iter(call.args.values()))[1]["name"])
        result = self._values.get(call.outputs[0]) if call.outputs else None
        if isinstance(target, Tensor) and result is not target:
            self._stale[target.root] = self.here()
            if isinstance(result, Tensor):
                self._values[call.outputs[0]] = Tensor(result.name, result.shape, self._new_root())

    def graph(self) -> Graph:
        """The finished Graph, without operators that no output needs."""
        self._current = None
        outputs = []
        for name in self._program.outputs:
            value = self._read(name)
            if not isinstance(value, Tensor):
                raise ConversionError(
                    f"the output '{name}' is not computed from the input by supported operators",
                    "return results of layers only",
                )
            outputs.append(value.name)
        needed, nodes = set(outputs), []
        for node in reversed(self._nodes):
            if node.output in needed:
                needed.update(node.inputs)
                nodes.append(node)
        nodes.reverse()
        namer = Namer()
        nodes = [replace(node, name=namer.name(node.op, self._modules[node.name])) for node in nodes]
        kept = {node.output for node in nodes} | set(self._program.inputs)
        keys = {key for node in nodes for key in node.params.values()}
        return Graph(
            nodes=tuple(nodes),
            shapes={name: shape for name, shape in self._shapes.items() if name in kept},
            params={key: array for key, array in self._program.arrays.items() if key in keys},
            inputs=self._program.inputs,
            outputs=tuple(outputs),
        )

    # -- results -----------------------------------------------------------------------------------------------------

    def emit(
        self,
        op: str,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any],
        params: Mapping[str, Param] | None = None,
        alias: bool = False,
    ) -> None:
        """Adds a node for the current call; ``alias`` where torch may return the input itself."""
        for value in inputs:
            self.shape(value)  # refuses what is not a feature map
            if not isinstance(value, Tensor):
                raise ConversionError(f"{self.here()} works on a parameter, not on a feature map", explain(op))
        output = self._output()
        if output is None:
            return
        sizes = self._result_shape(output)
        keys = {role: param.key for role, param in (params or {}).items()}
        self._add(op, tuple(v.name for v in inputs), output, attrs, keys)
        self._set(output, self._tensor(output, sizes, inputs[0].root if alias else None))

    def before(self, op: str, x: Any, attrs: Mapping[str, Any], number: int = 0) -> Tensor:
        """Adds a node ahead of the one that ``emit`` adds for the current call; of several each has its number."""
        shape = self.shape(x)[1:]
        if not isinstance(x, Tensor):
            raise ConversionError(f"{self.here()} works on a parameter, not on a feature map", explain(op))
        output = f"{self._output()}_before_{number}"
        node = self._add(op, (x.name,), output, attrs, {})
        return self._tensor(output, (1, *operator(op).shape(node, [shape], {})))

    def zeros(self) -> None:
        """The result is a map of zeros."""
        output = self._output()
        if output is not None:
            sizes = self._result_shape(output)
            self._add("zeros", (), output, {"shape": sizes[1:]}, {})
            self._set(output, self._tensor(output, sizes))

    def _add(
        self, op: str, inputs: tuple[str, ...], output: str, attrs: Mapping[str, Any], keys: Mapping[str, str]
    ) -> Node:
        call = self._current
        name = f"#{len(self._nodes)}"  # named once it is known which operators stay
        self._modules[name] = call.modules
        self._nodes.append(Node(op, name, inputs, output, attrs, keys, place(call.stack, call.modules)))
        return self._nodes[-1]

    def result_shape(self) -> tuple[int, ...]:
        """The declared shape of the current call's result, batch included."""
        return self._result_shape(self._output() or "")

    def reshape(self, x: Any) -> None:
        """A reshape to the declared shape of the result; nothing where the shape stays."""
        output = self._output()
        if output is None:
            return
        sizes = self._result_shape(output)
        if math.prod(sizes) != math.prod(self.shape(x)):
            raise ConversionError(f"{self.here()} cannot turn {self.shape(x)} into {sizes}", REEXPORT)
        if sizes == self.shape(x):
            self.same(x)
        else:
            self.emit("reshape", [x], {"shape": sizes[1:]}, alias=True)

    def same(self, x: Any, copy: bool = False) -> None:
        """The result is the input itself."""
        self.shape(x)
        output = self._output()
        if output is not None:
            self._set(output, Tensor(x.name, x.shape, self._new_root()) if copy and isinstance(x, Tensor) else x)

    def transpose(self, x: Any, order: Any = None) -> None:
        """A transposed matrix; only parameters may be transposed."""
        if not isinstance(x, Param) or len(x.shape) != 2:
            raise ConversionError(f"{self.here()} reorders the dimensions of a feature map", explain(""))
        if order is None or self.dims(order, 2) == [1, 0]:
            x = Param(x.key, x.shape[::-1], not x.transposed)
        self._set(self._output() or "", x)

    def hardswish_part(self, x: Any, step: str, value: Any) -> bool:
        """Follows a decomposed Hardswish one step; False where this is not one."""
        if step == "mul" and isinstance(value, HardswishPart):
            x, value = value, x
        follow = {
            ("add", 3): "shifted",
            ("shifted clamp", (0, None)): "lower",
            ("lower clamp", (None, 6)): "both",
            ("shifted clamp", (0, 6)): "both",
            ("both mul", None): "product",
            ("product div", 6): "done",
        }
        if step == "add" and isinstance(x, Tensor) and type(value) in (int, float) and value == 3:
            part = HardswishPart(x, "shifted", self.here())
        elif isinstance(x, HardswishPart):
            if step == "mul" and value != x.x:
                return False
            key = (f"{x.step} {step}", None if step == "mul" else value)
            reached = next((after for before, after in follow.items() if before == key), None)
            if reached is None:
                return False
            part = HardswishPart(x.x, reached, x.where)
        else:
            return False
        if part.step == "done":
            self.emit("hardswish", [part.x], {})
        else:
            self._set(self._output() or "", part)
        return True

    # -- bookkeeping -------------------------------------------------------------------------------------------------

    def _output(self) -> str | None:
        return self._current.outputs[0] if self._current.outputs else None

    def _result_shape(self, name: str) -> tuple[int, ...]:
        meta = self._program.metas.get(name)
        if meta is None or meta.sizes is None:
            raise ConversionError(f"{self.here()}: the archive does not give the shape of its result", REEXPORT)
        if meta.dtype != FLOAT32:
            raise ConversionError(
                f"{self.here()} gives {DTYPE_NAMES.get(meta.dtype, 'another type')}, not float32",
                "keep the whole forward in float32",
            )
        if len(meta.sizes) < 2 or meta.sizes[0] != 1 or 0 in meta.sizes:
            raise ConversionError(
                f"{self.here()} gives the shape {meta.sizes}, without the batch dimension in front",
                "keep the batch: x.flatten(1), x.squeeze(-1), x.view(x.shape[0], -1)",
            )
        return meta.sizes

    def _tensor(self, name: str, sizes: tuple[int, ...], root: int | None = None) -> Tensor:
        self._shapes[name] = sizes[1:]
        return Tensor(name, sizes, self._new_root() if root is None else root)

    def _new_root(self) -> int:
        self._roots += 1
        return self._roots

    def _set(self, name: str, value: Any) -> None:
        if not name or name in self._values:
            raise ConversionError(f"{self.here()} names its result '{clean(name)}' a second time", REEXPORT)
        self._values[name] = value


def check_variance(graph: Graph) -> None:
    """Refuses a batch-norm whose variance is negative: its square root would be NaN."""
    for node in graph.nodes:
        if node.op == "batch_norm" and np.min(graph.param(node, "running_var")) + node.attrs["eps"] <= 0:
            raise InputError(f"{node.describe()} has a variance that is not positive", "train the model again")
