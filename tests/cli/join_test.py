"""`vidrec join` as a user runs it."""

import json

import numpy as np

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from tests.applications.joining_test import NAMES
from tests.applications.joining_test import lstm
from tests.applications.joining_test import tower
from tests.cli.command import vidrec
from tests.data import numbered_video


def test_files_of_networks_become_one(tmp_path):
    """A head and the networks of both of its streams."""
    seen = {"flow": FlowSpec("dis"), "frame": FrameSpec("short36")}
    networks = {stream: tower(stream, **seen) for stream in ("rgb", "flow")}
    files = {name: tmp_path / f"{name}.keras" for name in (*networks, "head")}
    for stream, network in networks.items():
        model_file.save(network, files[stream])
    head = lstm(networks)
    layer = predictions_layer(head)
    layer.clip_spec = layer.clip_spec.replace(flow=seen["flow"])
    model_file.save(head, files["head"])
    out = tmp_path / "whole.keras"
    command = ("join", "--head", files["head"], "--out", out)
    _, err = vidrec(*command, "--rgb", files["rgb"], status=1)
    assert "Expected the network that made the features of flow" in err
    assert err.count("\n") == 1 and not out.exists()
    for stream in ("rgb", "flow"):
        command = (*command, f"--{stream}", files[stream])
    said, err = vidrec(*command)
    joined, compared, *unknown = said.splitlines()
    assert joined == f"Joined: {out}" and not err
    assert compared == (
        "The network was not compared with stored features: --features sets "
        "them."
    )
    assert all(line.startswith("The training videos of") for line in unknown)
    model = model_file.load(out)
    assert describe(model).class_names == NAMES
    assert describe(model).clip_spec.modalities == ("rgb", "flow")
    # It is a network for videos.
    clip = numbered_video.write(tmp_path / "clip.mp4", 12)
    said, _ = vidrec("predict", out, clip, "--json")
    expected = Predictor(model)(clip)
    answer = json.loads(said)
    assert answer["classes"] == [*expected.classes]
    np.testing.assert_allclose(
        answer["probabilities"], expected.probabilities, rtol=1e-5
    )


def test_what_is_written_is_a_network(tmp_path):
    _, err = vidrec(
        "join", "--head", tmp_path, "--out", tmp_path / "out.h5", status=2
    )
    assert "Expected a .keras file as --out" in err


def test_nothing_to_join(tmp_path):
    model = tmp_path / "model.keras"
    model_file.save(tower("rgb"), model)
    command = ("join", "--head", model, "--out", tmp_path / "out.keras")
    _, err = vidrec(*command, status=1)
    assert "takes videos already: there is nothing to join" in err
