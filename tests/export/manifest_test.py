"""bundle.json: what it says, and when there is no program for it."""

import json
import pathlib
import re

import keras_vidrec
from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.export import endpoint
from keras_vidrec.export import forms
from keras_vidrec.export import manifest
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import TestProtocol as Protocol
from tests.evaluation.mean_color_network import mean_color_network

NAMES = ("a", "b")
DOCS = pathlib.Path(keras_vidrec.__file__).parents[1] / "docs" / "deploy.md"


def facts_of(model):
    return manifest.of(
        model,
        describe(model),
        "mine",
        forms.Form("onnx"),
        "model.onnx",
        endpoint.of_clips(model),
    )


def test_all_that_is_needed_is_there_and_documented():
    spec = ClipSpec(("rgb", "flow"), snippet_length=2, flow=FlowSpec("dis"))
    test = Protocol(num_segments=None, crops="center")
    model = mean_color_network(NAMES, clip_spec=spec, test=test)
    facts = facts_of(model)
    assert json.loads(json.dumps(facts))
    assert facts["test"] == test.completed(spec).to_dict()
    assert ClipSpec.from_dict(facts["clip"]) == spec
    assert facts["classes"] == ["a", "b"]
    assert facts["network"] == {
        "format": "onnx",
        "file": "model.onnx",
        "inputs": [
            {"name": "flow", "modality": "flow"},
            {"name": "rgb", "modality": "rgb"},
        ],
        "output": "snippet_logits",
        "segments": None,
        "batch": None,
        "precision": "float32",
        "target": "server",
        "reduction": None,
    }
    told = {*re.findall(r"^\| `([\w.]+)` \|", DOCS.read_text("utf-8"), re.M)}
    kept = {*facts} - {"network", "clip", "test"}
    kept |= {f"network.{key}" for key in facts["network"]}
    assert kept <= told
    version = f"`schema` is {facts['schema']}"
    assert version in DOCS.read_text("utf-8")


def test_of_features_it_tells_what_the_inputs_are():
    model = TSLSTM(classes=3, features=4, num_segments=6, units=(5,))
    facts = facts_of(model)
    assert facts["network"]["output"] == "logits"
    assert facts["network"]["segments"] == 6
    assert facts["classes"] == ["0", "1", "2"]
    assert "`vidrec join`" in manifest.obstacle(model)


def test_what_no_program_can_show():
    assert manifest.obstacle(mean_color_network(NAMES)) is None
    for spec, problem in (
        (ClipSpec(frame=FrameSpec(deinterlace="bob")), "deinterlaced by bob"),
        (
            ClipSpec(("flow",), flow=FlowSpec("brox")),
            "takes flow made by brox",
        ),
    ):
        model = mean_color_network(NAMES, clip_spec=spec)
        assert problem in manifest.obstacle(model)
    model = mean_color_network(NAMES, test=None)
    assert "with a test protocol" in manifest.obstacle(model)
