"""Measurements of networks, in Python."""

import json

import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec import reporting
from keras_vidrec.applications import TSLSTM
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.export import Background
from keras_vidrec.export import export_onnx
from keras_vidrec.reporting.measuring import kept
from keras_vidrec.reporting.measuring import memory
from keras_vidrec.reporting.measuring import noise
from keras_vidrec.reporting.measuring import size
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network

pytestmark = pytest.mark.tensorflow_only

QUICK = {"seconds": 1e-6, "batch_sizes": (1, 3)}


def finished_run(path):
    run = Run(path)
    run.claim(Recipe("mine", "A trial"))
    mean_color_network(("a", "b")).save(run.model_file)
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs") / "run")


def test_what_is_measured():
    model = mean_color_network(("a", "b"))
    said = []
    found = keras_vidrec.benchmark(
        model, "tsn:tiny", num_segments=2, size=32, tell=said.append, **QUICK
    )
    assert said == ["Measuring mean_color", "Measuring tsn:tiny"]
    assert not found.failed and not found.videos
    small, one, *_ = found.measurements
    assert [row.network for row in found.measurements] == [
        *2 * ["mean_color"],
        *2 * ["tsn:tiny"],
    ]
    assert [row.batch_size for row in found.measurements] == [1, 3, 1, 3]
    # A matrix of 3 x 2 on each of two segments, and two biases.
    assert (small.parameters, small.multiply_adds) == (8, 12)
    assert small.clip == {"rgb": (2, 32, 32, 3)}
    for row in found.measurements:
        assert row.calls == 5 and row.device == "cpu:0"
        assert row.precision == "float32" and row.backend == "tensorflow"
        assert 0 < row.latency_low <= row.latency <= row.latency_high
        assert row.throughput == row.batch_size / row.latency
        assert row.peak_memory > 2**26  # the libraries alone
    shown = str(found)
    assert len({len(line) for line in shown.splitlines()[:5]}) == 1
    assert "A clip of tsn:tiny is 2 x 32 x 32 x 3." in shown


def test_precisions_and_what_fails():
    model = mean_color_network(("a", "b"))
    found = keras_vidrec.benchmark(
        model,
        "TSN:tiny",
        batch_sizes=[1],
        seconds=1e-6,
        num_segments=1,
        size=32,
        precisions=["float32", "mixed_bfloat16"],
    )
    assert [row.precision for row in found.measurements] == [
        "float32", "float32", "mixed_bfloat16",
    ]  # fmt: skip
    (what, why), *_ = found.failed.items()
    assert what == "mean_color on cpu:0" and "mixed_bfloat16" in why
    assert f"Failed: {what}: {why}" in str(found)
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"names": ()}, "Invalid `names`. Expected at least one network"),
        ({"names": ("tns",)}, "Received: tns, which does not exist"),
        ({"names": ("TSN:resnet5",)}, "Invalid `backbone`. Expected 'resnet50"),
        ({"names": (3,)}, "Invalid `names`. Expected keras.Models, runs"),
        ({"batch_sizes": (0,)}, "Invalid `batch_sizes`. Expected a positive"),
        ({"batch_sizes": 8}, "Invalid `batch_sizes`. Expected a sequence"),
        ({"precisions": ("int8",)}, "Invalid `precisions`. Expected one of"),
        ({"devices": ("tpu:7",)}, "Invalid `devices`. Expected one of"),
        ({"size": 0}, "Invalid `size`. Expected a positive integer"),
        ({"seconds": 0}, "Invalid `seconds`. Expected a positive number"),
    ],
)
def test_arguments(arguments, text):
    names = arguments.pop("names", ("TSN",))
    with pytest.raises(ValueError) as told:
        keras_vidrec.benchmark(*names, **arguments)
    assert text in str(told.value)


def test_clips_are_as_the_network_was_built():
    spec = ClipSpec(("flow",), snippet_length=2, num_segments=4, size=48)
    model = mean_color_network(("a", "b"), clip_spec=spec, num_segments=3)
    assert noise.clips(model, 2).shape == (2, 3, 48, 48, 4)
    assert size.of(model, size=16).clip == {"flow": (3, 16, 16, 4)}
    with pytest.raises(ValueError, match="Invalid `num_segments`. Expected 3"):
        noise.clips(model, 2, num_segments=4)
    over_features = TSLSTM(features=7, classes=2, num_segments=6)
    assert noise.clips(over_features, 2)["flow"].shape == (2, 6, 7)
    assert size.of(over_features).clip_text == "flow 6 x 7, rgb 6 x 7"


def test_memory_is_that_of_the_context():
    with memory.peak("cpu:0") as before:
        pass
    with memory.peak("cpu:0") as large:
        np.ones(2**25)
    with memory.peak("cpu:0") as after:
        pass
    assert large.num_bytes - before.num_bytes > 2**27
    assert large.num_bytes - after.num_bytes > 2**27


def test_a_run_keeps_what_was_measured(run, tmp_path, caplog):
    assert kept.of(run) == ()
    counted = kept.size_of(run)
    found = keras_vidrec.benchmark(run.path, num_segments=3, **QUICK)
    assert kept.of(run) == found.measurements
    assert kept.size_of(run, found.measurements) == counted
    # Its card and its report tell it.
    export_onnx(
        run.load_model(), tmp_path / "onnx", background=Background.of(run.path)
    )
    card = (tmp_path / "onnx" / "README.md").read_text("utf-8")
    assert (
        "## Size and speed\n\n- Parameters: 8\n- Multiply-adds: 18 for a clip "
        "of 3 x 32 x 32 x 3\n\nMeasured by `vidrec benchmark`" in card
    )
    of_three = found.measurements[1]
    (line,) = [x for x in card.splitlines() if x.startswith("| cpu:0 | fl")][1:]
    assert line.startswith(
        f"| cpu:0 | float32 | 3 | {1000 * of_three.latency:.4g} |"
    )
    scores = Scores("ab", np.eye(2), (0, 1), ("a", "b"))
    scores.save(run.scores / "25x10.npz")
    page = reporting.report(run.path, tmp_path / "report", verbose=False)
    figures = (page.parent / "figures" / "speed.csv").read_text()
    assert "network,parameters,8\n" in figures
    assert "a clip of 3 x 32 x 32 x 3,multiply-adds,18\n" in figures
    assert (
        '"batch of 3 on cpu:0, float32",clips a second,'
        f"{of_three.throughput:.10g}\n" in figures
    )
    assert ">Size and speed</h2>" in page.read_text("utf-8")
    # Of another network they are not.
    noted = json.loads((run.path / kept.FILE).read_text())
    (run.path / kept.FILE).write_text(json.dumps({**noted, "model": "other"}))
    assert kept.of(run) == () and "an earlier network" in caplog.text
    (run.path / kept.FILE).write_text("{")
    assert kept.of(run) == () and "which is damaged" in caplog.text


def test_where_the_time_of_a_video_goes(run, tmp_path):
    path = tmp_path / "clip.mp4"
    numbered_video.write(path, 12)
    spec = ClipSpec(("flow",), snippet_length=2, size=32, flow=FlowSpec("dis"))
    of_flow = mean_color_network(("a", "b"), clip_spec=spec)
    found = keras_vidrec.benchmark(run.path, of_flow, video=path, **QUICK)
    assert not found.failed
    rgb, flow = found.videos
    assert rgb.flow == 0 and flow.flow > 0
    assert all(one.decoding > 0 and one.computing > 0 for one in (rgb, flow))
    assert sum(flow.shares.values()) == pytest.approx(1)
    assert rgb.snippets == 25 and "25 snippets: decoding " in str(found)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    found = keras_vidrec.benchmark(of_flow, video=broken, **QUICK)
    assert len(found.measurements) == 2 and not found.videos
    assert f"mean_color on {broken}" in found.failed
