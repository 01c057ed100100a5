"""A compressed network takes exactly the bytes that are reported, and never more than were asked for."""

import json
import math
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import networks, samples
from elftools.elf.elffile import ELFFile
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from toolchain import require_msp430
from watching import IMAGE, TEST, TRAIN, VAL, Nested, fresh, matrices, nonzero, planned, same

import sparsecomp
from sparsecomp.build import built
from sparsecomp.compression import Method
from sparsecomp.compression.published import print_size_model
from sparsecomp.errors import ConversionError, DoesNotFitError, InputError

METHOD = Method(steps=2, epochs=1, finetune=1)
ENCODINGS = ["auto", "csr", "bitmap", "dense"]
STILL = Method(steps=1, epochs=1, finetune=0, learning_rate=1e-12)


def compress(model, data=TRAIN, val=VAL, method=METHOD, **options):
    return sparsecomp.compress(model, data, val, method=method, **options)


def check(result, data, encoding="auto", board="host"):
    """Asserts that the saved network's plan has the reported bytes, in all and layer by layer."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "small.pt"
        sparsecomp.save(result.model, path, torch.from_numpy(data[:1]), calibration=data)
        plan = sparsecomp.convert(path, Path(name) / "project", encoding=encoding, board=board).plan
        analysis = sparsecomp.analyze(path, encoding=encoding, board=board)
        nodes = sparsecomp.load(path).graph.nodes
    assert plan.constant_bytes == result.nbytes == analysis.fits[0].plan.constant_bytes
    weights = [node.params["weight"] for node in nodes if node.op in ("conv", "linear")]
    steps = [
        nbytes
        for step, nbytes in zip(plan.program.steps, plan.weight_bytes, strict=True)
        if re.fullmatch(r"(conv|fc)\d+", step.name)
    ]
    if len(steps) == len(weights):  # no layer was left out as constant
        for layer in result.layers:  # a shared one is stored with each step that it is used in
            mine = [nbytes for weight, nbytes in zip(weights, steps, strict=True) if weight == layer.weight]
            assert layer.nbytes == sum(mine), layer
    assert sum(layer.nbytes for layer in result.layers) <= result.nbytes


@settings(max_examples=14, phases=[Phase.explicit, Phase.generate])
@given(networks(), st.sampled_from(ENCODINGS), st.floats(0.08, 0.9), st.booleans())
def test_random_networks_meet_their_budget(network, encoding, share, factorize):
    data = samples(network)
    weights = sum(p.numel() for p in network.parameters())
    method = Method(steps=2, epochs=1, finetune=1, factorize=factorize and share < 0.4)
    target = share * weights / 1000
    try:
        result = compress(network, data, data, method, target=target, encoding=encoding)
    except DoesNotFitError as error:
        assert int(re.search(r"still takes ([\d,]+)", str(error))[1].replace(",", "")) > target * 1000
        return
    assert result.met and result.nbytes == result.size <= result.target == int(1000 * target + 1e-6)
    check(result, data[0], encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("make", [fresh, lambda: fresh(Nested)], ids=["plain", "nested"])
def test_every_encoding_is_counted(encoding, make):
    target = 1.8 if encoding == "dense" and isinstance(make(), Nested) else 0.7
    result = compress(make(), target=target, encoding=encoding)
    assert result.met and result.nbytes <= 1000 * target
    check(result, TRAIN[0], encoding)


def arrays(elf):
    """Sizes of all objects in an ELF file, by name."""
    with open(elf, "rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        return {symbol.name: symbol["st_size"] for symbol in table.iter_symbols()}


PARTS = re.compile(r"(.+)_(w_data|w_offset|w_mask|w_sizes|w_starts|b|m)")


def check_elf(result, folder, board):
    path = folder / "small.pt"
    sparsecomp.save(result.model, path, IMAGE, calibration=TRAIN[0])
    made = sparsecomp.convert(path, folder / "project", board=board)
    with built(made.directory, made.plan.board) as copy:
        sizes = arrays(copy / "build" / ("firmware.elf" if board != "host" else "selftest"))
    by_layer = {}
    for name, size in sizes.items():
        if found := PARTS.fullmatch(name):
            by_layer[found[1]] = by_layer.get(found[1], 0) + size
    assert by_layer == {layer.name: layer.nbytes for layer in result.layers}
    assert sum(by_layer.values()) == result.nbytes


@pytest.mark.parametrize("board", ["host", "msp430fr5994"])
@pytest.mark.parametrize("target", [0.25, 0.6])
def test_linked_arrays_have_the_reported_bytes(board, target, tmp_path):
    if board != "host":
        require_msp430()
    check_elf(compress(fresh(), target=target), tmp_path, board)


@pytest.mark.parametrize(
    ("make", "encoding"),
    [*((fresh, encoding) for encoding in ENCODINGS), pytest.param(lambda: fresh(Nested), "auto", id="nested-auto")],
)
def test_the_named_floor_can_be_reached_and_one_byte_less_cannot(make, encoding):
    with pytest.raises(DoesNotFitError) as refused:
        compress(make(), target=0.001, encoding=encoding)
    assert refused.value.exit_code == 3
    floor = int(re.search(r"still takes ([\d,]+)", str(refused.value))[1].replace(",", ""))
    assert floor > 1 and f"{floor:,}" in refused.value.hint
    before, model = make(), make()
    with pytest.raises(DoesNotFitError):
        compress(model, target=(floor - 1) / 1000, encoding=encoding)
    assert same(model, before)
    result = compress(model, target=floor / 1000, encoding=encoding, calibration=TRAIN[0])
    # Not compared with a plan: so little is left of the outputs that deploying may take 16-bit weights.
    assert result.met and result.nbytes <= floor


def tied():
    """A network whose weights all have the same magnitude."""
    model = fresh()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.sign(parameter) * 0.25)
            else:
                parameter.zero_()
    return model


@pytest.mark.parametrize("score", ["magnitude", "lamp"])
@pytest.mark.parametrize("sparsity", [0.5, 0.9, 0.123])
def test_sparsity_is_exact_with_ties(sparsity, score):
    model = tied()
    count = nonzero(model)
    method = Method(steps=2, epochs=1, finetune=0, learning_rate=1e-12, score=score, channels=False)
    result = compress(model, sparsity=sparsity, method=method)
    assert nonzero(model) == result.size == math.floor(count * (1 - sparsity))


@pytest.mark.parametrize("sparsity", [0.5, 0.95, 0.99])
def test_sparsity_of_a_trained_network(sparsity):
    result = compress(fresh(), sparsity=sparsity)
    zeros = sum(int((w == 0).sum()) for w in matrices(result.model).values())
    assert zeros >= sparsity * 806 and result.size == nonzero(result.model)
    check(result, TRAIN[0])


def test_sparsity_that_leaves_a_layer_without_weights_is_refused():
    with pytest.raises(DoesNotFitError, match=r"\b4\b"):
        compress(fresh(), sparsity=0.999)


@pytest.mark.parametrize("target", [0.8, 2.0])
def test_published_accounting(target, capsys):
    result = compress(fresh(), target=target, size_model="origin")
    assert result.met and print_size_model(result.model) == result.size <= 1000 * target
    capsys.readouterr()
    check(result, TRAIN[0])


def test_board_with_room_to_spare():
    board = "msp430fr5994"
    capacity = compress(fresh(), board=board, method=STILL).target
    with pytest.raises(DoesNotFitError) as refused:
        compress(fresh(), board=board, spare=0.99)
    floor = int(re.search(r"still takes ([\d,]+)", refused.value.message)[1].replace(",", ""))
    spare = 1 - (floor + 200) / capacity
    result = compress(fresh(), board=board, spare=spare)
    assert result.met and result.size <= result.target <= (1 - spare) * capacity + 1
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "small.pt"
        sparsecomp.save(result.model, path, IMAGE, calibration=TRAIN[0])
        plan = sparsecomp.analyze(path, board=board).fits[0].plan
    assert plan.fram_bytes <= (1 - spare) * plan.fram_capacity
    assert plan.constant_bytes == result.nbytes


def test_board_that_is_too_small_in_any_case():
    with pytest.raises(DoesNotFitError) as refused:
        compress(fresh(), board="msp430fr5994", spare=0.99)
    assert refused.value.exit_code == 3


def hard(seed=0):
    """Labels of which a fifth is wrong, so that small networks lose accuracy."""
    x, y = VAL if seed else TRAIN
    y = y.copy()
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(y)) < 0.2
    y[wrong] = rng.integers(0, 3, wrong.sum())
    return x, y


@pytest.mark.parametrize("target", [0.5, 0.12, 0.06])
def test_max_drop_is_kept_or_the_target_is_not_met(target):
    limit = 0.03
    result = compress(fresh(), hard(), hard(1), target=target, max_drop=limit)
    assert result.validation >= result.validation_before - limit - 1e-9
    assert result.met == (result.size <= result.target)
    assert result.exit_code == (0 if result.met else 3)
    check(result, TRAIN[0])


def test_a_small_max_drop_stops_before_a_target_that_a_large_one_reaches():
    kept, lost = (compress(fresh(), target=0.06, max_drop=limit) for limit in (0.02, 1.0))
    assert not kept.met and kept.exit_code == 3 and kept.nbytes > 60
    assert lost.met and lost.exit_code == 0 and lost.nbytes <= 60
    assert kept.validation >= kept.validation_before - 0.02 > lost.validation


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"target": 1, "sparsity": 0.5}, {"target": 1, "board": "host"}, {"target": 0}, {"target": -1},
        {"target": math.nan}, {"target": math.inf}, {"sparsity": 1.5}, {"sparsity": -0.1}, {"sparsity": math.nan},
        {"board": "msp430"}, {"target": 1, "size_model": "huge"}, {"target": 1, "encoding": "zip"},
        {"target": 1, "max_drop": -0.1}, {"target": 1, "max_drop": math.nan}, {"board": "msp430fr5994", "spare": 1},
        {"board": "msp430fr5994", "spare": -0.5}, {"target": 1, "resume": True},
    ],
)  # fmt: skip
def test_wrong_targets_are_refused_before_anything_happens(wrong):
    model = fresh()
    with pytest.raises(InputError):
        compress(model, **wrong)
    assert same(model, fresh())


@pytest.mark.parametrize(
    "data",
    [
        None, [], (TRAIN[0], TRAIN[1][:-1]), (TRAIN[0][:0], TRAIN[1][:0]), (TRAIN[0][:, :, :4], TRAIN[1]), "data.npz",
        (TRAIN[0], TRAIN[1] + 1), (TRAIN[0], TRAIN[1] - 1), (TRAIN[0] * np.float32("nan"), TRAIN[1]), (TRAIN[0],), 7,
    ],
)  # fmt: skip
def test_wrong_data_are_refused(data):
    with pytest.raises((InputError, ConversionError)):
        compress(fresh(), data, target=0.5)


def test_a_network_without_layers_to_compress_is_refused():
    with pytest.raises(InputError):
        compress(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU()), target=0.5)


def test_the_result_is_a_json_document():
    result = compress(fresh(), target=0.5, test=TEST)
    document = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert document["version"] == 1 and document["nbytes"] == result.nbytes <= 500
    assert [layer["nbytes"] for layer in document["layers"]] == [layer.nbytes for layer in result.layers]
    assert result.ratio == pytest.approx(result.float_bytes / result.nbytes)
    assert any(str(result.nbytes) in line for line in result.lines())
    assert result.nbytes == planned_again(result)


def planned_again(result):
    with tempfile.TemporaryDirectory() as name:
        return planned(result.model, Path(name), TRAIN[0])
