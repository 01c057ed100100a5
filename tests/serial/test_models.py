"""Unusual models over the serial line, on every board that has one, while the power fails."""

from dataclasses import dataclass
from pathlib import Path

import networks
import numpy as np
import pytest
from small import Net
from toolchain import require_msp430

from sparsecomp import boards
from sparsecomp.boards import load_board
from sparsecomp.build import built
from sparsecomp.errors import ConversionError, DoesNotFitError
from sparsecomp.graph import Graph
from sparsecomp.linked import check_linked
from sparsecomp.lower import Options, lower
from sparsecomp.on_board import model_hash
from sparsecomp.passes import simplify
from sparsecomp.plan.planner import make_plan
from sparsecomp.quantize import calibrate
from sparsecomp.reference import run, to_wire, wire_words
from sparsecomp.render import Vector, render
from sparsecomp.validate import check_layers
from sparsecomp.wire import Wire
from sparsecomp_tools.link import Device, open_line
from sparsecomp_tools.measure import attribute, cursor_address
from sparsecomp_tools.virtual_board import RandomFailures, VirtualBoard, read_events

SAMPLES = 3
PATIENCE = 60.0  # seconds of this computer
BYTES = Wire("u8", 1 / 255)


@dataclass(frozen=True)
class Model:
    """A graph, the wire of each of its inputs, and how it is lowered and planned."""

    graph: Graph
    wires: tuple[Wire, ...]
    numeric: str = "int8"
    volatile_input: bool = False


def floating(volatile_input: bool = False) -> Model:
    """Small layers: libgcc takes 4,000 cycles a tap."""
    net = Net((1, 8, 8), seed=10)
    x = net.pool(net.add("relu", net.conv("x", 4, pad=1)))
    return Model(net.graph(net.linear(net.flatten(x), 5)), (Wire(),), "float32", volatile_input)


def two_inputs(volatile_input: bool = False) -> Model:
    """Bytes and words come in, neither input with an even number of bytes and elements."""
    net = Net((1, 5, 5), (7,), seed=11)
    image = net.flatten(net.add("relu", net.conv("x0", 3)))
    joined = net.add("concat", image, net.linear("x1", 5), dim=0)
    return Model(net.graph(net.linear(joined, 3)), (BYTES, networks.SENSOR), "int8", volatile_input)


def two_outputs(volatile_input: bool = False) -> Model:
    """An odd number of bytes comes in, two outputs of different lengths are read."""
    net = Net((1, 9, 9), seed=12)
    shared = net.flatten(net.add("relu", net.conv("x", 4, stride=(2, 2))))
    first, second = net.linear(shared, 3), net.add("tanh", net.linear(shared, 70))
    return Model(net.graph(first, second), (BYTES,), "int8", volatile_input)


def volatile() -> Model:
    network = networks.residual()
    return Model(network.graph, (network.wire,), "int8", True)


MODELS = {
    "float32": floating,
    "two inputs": two_inputs,
    "two outputs": two_outputs,
    "volatile input": volatile,
    "float32, volatile input": lambda: floating(True),
    "two inputs, volatile": lambda: two_inputs(True),
    "two outputs, volatile": lambda: two_outputs(True),
}


@dataclass(frozen=True)
class Firmware:
    """A model linked for a board, with the words and answers of some samples."""

    program: object
    plan: object
    wire: list[np.ndarray]
    words: np.ndarray
    answers: list[list[np.ndarray]]
    elf: Path
    hash: str

    @property
    def outputs(self) -> list[int]:
        return [w.size for w in self.answers[0]]

    def answer(self, index: int) -> bytes:
        return b"".join(w.tobytes() for w in self.answers[index])


def make(model: Model, board: str, folder: Path) -> Firmware:
    chance = np.random.default_rng(8)

    def samples(name: str, wire: Wire, count: int) -> np.ndarray:
        shape = (count, *model.graph.shapes[name])
        if wire.dtype == "f32":
            return chance.uniform(-1, 1, shape).astype(np.float32)
        limits = np.iinfo(wire.numpy_dtype)
        return chance.integers(limits.min, limits.max + 1, shape).astype(wire.numpy_dtype)

    names = list(zip(model.graph.inputs, model.wires, strict=True))
    graph, notes = simplify(model.graph)
    ranges = calibrate(graph, [w.to_float(samples(n, w, 24)) for n, w in names])
    program = lower(graph, model.wires, ranges, Options(numeric=model.numeric), notes)
    wire = [to_wire(p, w, samples(n, w, SAMPLES)) for p, (n, w) in zip(program.inputs, names, strict=True)]
    plan = make_plan(program, load_board(board), volatile_input=model.volatile_input)
    reference, words = run(program, wire), wire_words(program, wire)
    answers = [reference.words(i) for i in range(SAMPLES)]
    for name, data in render(plan, Vector(words[0], np.concatenate(answers[0])), "0" * 64, "0").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with built(folder, plan.board) as copy:
        check_linked(copy / "build/firmware.elf", plan)
        elf = folder / "firmware.elf"
        elf.write_bytes((copy / "build/firmware.elf").read_bytes())
    return Firmware(program, plan, wire, words, answers, elf, model_hash(folder))


@pytest.mark.parametrize("board", ["msp430fr5994", "msp430fr5969", "msp430fr6989", "msp430fr5992"])
@pytest.mark.parametrize("name", MODELS)
def test_every_answer_and_layer_is_the_references(name, board, tmp_path):
    require_msp430()
    firmware = make(MODELS[name](), board, tmp_path)
    program = firmware.program
    sizes = [program.tensors[program.base(s.output)].stored * program.element_words for s in program.steps]
    failures = [RandomFailures(6, max(150_000, 2 * firmware.plan.charge.cycles))]
    with VirtualBoard(board, firmware.elf, await_host=True, failures=failures) as running:
        with open_line(running.port) as line:
            device = Device(line, patience=PATIENCE, tries=2)
            device.expect(firmware.hash)
            for index, words in enumerate(firmware.words):
                assert device.infer(index, words, firmware.outputs) == firmware.answer(index)
            device.deliver(1, firmware.words[1])
            layers = device.layers(1, sizes)
            assert check_layers(program, [w[1:2] for w in firmware.wire], layers, "the virtual board") > 10
            assert device.stack_used() == 0
            assert device.infer(2, firmware.words[2], firmware.outputs) == firmware.answer(2)
        result = running.stop()
    assert result.power_failures > 3


def many_layers(count: int) -> Model:
    """A chain of small layers, whose tables weigh more than their code."""
    net = Net((1, 12, 12), seed=3)
    x = "x"
    for index in range(count):
        x = net.add("tanh" if index % 2 else "sigmoid", net.conv(x, 1, pad=1))
    return Model(net.graph(net.linear(net.flatten(x), 2)), (BYTES,))


def test_many_layers_have_room_beside_the_code(tmp_path):
    require_msp430()
    firmware = make(many_layers(70), "msp430fr5994", tmp_path)
    assert len(firmware.plan.program.steps) > 200


def test_float_curves_are_refused_for_a_device(tmp_path):
    network = networks.branching()
    with pytest.raises(ConversionError, match="in float32 runs on the host only, not on msp430fr5994"):
        make(Model(network.graph, (network.wire,), "float32"), "msp430fr5994", tmp_path)


def test_a_float_model_is_cut_into_units_that_one_charge_pays_for(tmp_path):
    """The plan's estimate is trusted to a factor of two (sparsecomp/plan/units.py, MARGIN)."""
    require_msp430()
    small = Net((1, 6, 6), seed=13)
    x = small.pool(small.add("leaky_relu", small.conv("x", 3, pad=1), negative_slope=0.1))
    graph = small.graph(small.linear(small.flatten(x), 4))
    firmware = make(Model(graph, (BYTES,), "float32"), "msp430fr5994", tmp_path)
    cursor = cursor_address(firmware.elf)
    events = tmp_path / "events"
    with VirtualBoard("msp430fr5994", firmware.elf, await_host=True, events=events, watch=cursor) as running:
        with open_line(running.port) as line:
            found = Device(line, patience=PATIENCE).infer(0, firmware.words[0], firmware.outputs)
        running.stop()
    assert found == firmware.answer(0)
    costs = attribute(read_events(events), firmware.plan.unit_count)
    for units in firmware.plan.units:
        assert max(costs.cycles[units.first : units.first + units.count]) < 2 * units.cycles
    assert max(costs.cycles) < firmware.plan.charge.available_cycles


def test_a_float_output_that_no_charge_pays_for_is_refused(tmp_path):
    network = networks.chain()  # its last layer takes 216 inputs an output, 790,000 cycles measured
    with pytest.raises(DoesNotFitError, match="one item takes about"):
        make(Model(network.graph, (Wire(),), "float32"), "msp430fr5994", tmp_path)


def sized(edge: int) -> Graph:
    """One large image comes in, and is made small at once."""
    net = Net((1, edge, edge), seed=14)
    return net.graph(net.linear(net.flatten(net.pool("x", 16)), 2))


@pytest.fixture
def roomy(tmp_path) -> str:
    """A board whose charge pays for the delivery of large inputs."""
    text = (Path(boards.__file__).parents[1] / "boards/msp430fr5994.toml").read_text()
    path = tmp_path / "roomy.toml"
    path.write_text(text.replace("capacitor_uF = 100.0", "capacitor_uF = 10000.0").replace("msp430fr5994", "roomy", 1))
    return str(path)


def test_an_input_that_does_not_fit_beside_the_code_is_refused(roomy, tmp_path):
    with pytest.raises(DoesNotFitError, match=r"the received input .* need one piece of .*--volatile-input"):
        make(Model(sized(144), (networks.SENSOR,)), roomy, tmp_path / "kept")
    require_msp430()
    assert make(Model(sized(144), (networks.SENSOR,), "int8", True), roomy, tmp_path / "volatile").elf.exists()


def test_a_float_tensor_beyond_65535_words_is_refused(roomy, tmp_path):
    with pytest.raises(DoesNotFitError, match="of 73728 words of 16 bits: the most is 65535"):
        make(Model(sized(192), (Wire(),), "float32", True), roomy, tmp_path / "project")
