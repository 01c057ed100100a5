"""plan.json says what each choice was made among."""

import json

from small import chain, program

from sparsecomp.boards import load_board
from sparsecomp.plan.planner import make_plan
from sparsecomp.plan_report import plan_json


def test_encodings_poolings_and_overlaps_are_told():
    plan = make_plan(program(chain()), load_board("msp430fr5994"))
    told = json.loads(json.dumps(plan_json(plan)))
    layers = {layer["name"]: layer for layer in told["layers"]}
    conv = layers["conv1"]
    assert conv["pooled_windows"] == [2, 2] and "encoding" not in layers["input1"]
    assert set(conv["encodings"]) == {"dense", "delta8", "index16", "bitmap"}
    chosen = conv["encodings"][conv["encoding"]]
    assert chosen["bytes"] == min(other["bytes"] for other in conv["encodings"].values())
    assert all(other["cycles_an_output"] > 50 for other in conv["encodings"].values())
    assert told["maps_sharing_bytes"]
    for pair in told["maps_sharing_bytes"]:
        first, second = (plan.placements[pair[key]] for key in ("one", "other"))
        assert 2 * (first.buffer.words + second.buffer.words) - pair["bytes"] <= 2 * plan.arenas[0].words
        apart = 2 * (second.offset - first.offset)
        assert apart <= -pair["below"] or apart >= pair["above"]


def test_a_board_without_assembly_has_no_cycles_to_tell():
    told = plan_json(make_plan(program(chain()), load_board("host")))
    conv = next(layer for layer in told["layers"] if layer["name"] == "conv1")
    assert all(other["cycles_an_output"] is None for other in conv["encodings"].values())
