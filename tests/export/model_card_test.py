"""The card beside an export: what it says is so, and what it shows runs."""

import dataclasses

import numpy as np
import pytest

from keras_vidrec.applications import LateFusion
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.export import Background
from keras_vidrec.export import export_litert
from keras_vidrec.export import export_onnx
from keras_vidrec.export import export_saved_model
from keras_vidrec.reporting import chain
from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run
from tests.evaluation.mean_color_network import mean_color_network

pytestmark = pytest.mark.tensorflow_only

EXPORTS = {
    "saved_model": export_saved_model,
    "onnx": export_onnx,
    "litert": export_litert,
}
NAMES = ("jump", "laufen", "跳高")


def two_streams():
    specs = {
        "rgb": ClipSpec(("rgb",), size=16),
        "warped_flow": ClipSpec(
            ("warped_flow",), snippet_length=2, size=16, flow=FlowSpec("dis")
        ),
    }
    return LateFusion(
        {m: mean_color_network(NAMES, clip_spec=s) for m, s in specs.items()}
    )


@pytest.mark.parametrize(
    "format, runtime",
    [
        ("saved_model", "tensorflow"),
        ("onnx", "onnxruntime"),
        ("litert", "ai-edge-litert"),
    ],
)
def test_how_it_is_used(tmp_path, format, runtime):
    EXPORTS[format](two_streams(), tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert "```sh\npython predict.py VIDEO...\n```" in card
    assert f"pip install numpy av opencv-python-headless {runtime}`" in card
    assert (tmp_path / "model" / "predict.py").is_file()
    assert "| `warped_flow` | uint8 | (batch, segments, height" in card
    assert "- `snippet_logits`, float32, (batch, segments, 3)" in card


def test_why_it_cannot_be_shown_videos(tmp_path):
    model = mean_color_network(NAMES, test=None)
    export_onnx(model, tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert "There is no `predict.py` for videos: Expected a network" in card
    assert not (tmp_path / "model" / "predict.py").exists()


def test_of_a_single_file_it_tells_what_is_known(tmp_path):
    model = mean_color_network(classes=2, num_segments=3, size=8)
    predictions_layer(model).blueprint = Blueprint(
        "TwoStreamConvNet", {}, {"rgb": "resnet50_caffe", "flow": None}
    )
    export_onnx(
        model, tmp_path / "model", background=Background.of("best.keras")
    )
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert card.startswith("# best\n")
    assert "its recipe and its data are not known here" in card
    assert (
        "known here.\n\n- Network: `TwoStreamConvNet`\n- Backbone for rgb: "
        "`resnet50_caffe`\n- Backbone for flow: `keras.Model`\n" in card
    )
    assert "`vidrec evaluate` has not tested this network" in card
    assert "| `rgb` | uint8 | (batch, 3, 8, 8, 3) |" in card
    assert "None is stated." in card
    assert not (tmp_path / "model" / "labels.txt").exists()


def test_of_a_run_it_tells_what_was_measured(tmp_path, caplog):
    run = Run(tmp_path / "run")
    recipe = Recipe("mine", "A trial").with_data(directory="/data/clips")
    run.claim(recipe)
    labels = [0] * 3 + [1]
    scores = np.eye(2)[[0, 0, 1, 1]]  # 3 of 4; classes 2/3 and 1
    origin = Origin("scores", split=2, marks=("1 of 4 was trained on",))
    tested = Scores(
        "abcd", scores, labels, ("x", "y"), {"protocol": "25x10"}, origin
    )
    tested.save(run.scores / "25x10-split2.npz")
    other = tested.marked("of other data")
    other.save(run.scores / "25x10-other.npz")
    run.model_file.write_bytes(b"now")
    old = dataclasses.replace(tested, meta={"model": "before"})
    old.save(run.scores / "25x1-split2.npz")
    (run.scores / "damaged.npz").write_bytes(b"PK")
    background = Background.of(run.path)
    assert background.versions["keras_vidrec"]
    assert (
        "25x1-split2.npz, which was computed with an earlier network"
        in caplog.text
    )
    model = mean_color_network(("x", "y"))
    trained_on = VideoSet.of("efg")
    predictions_layer(model).origin = Origin(
        "network", trained_on=trained_on, marks=("weights leak",)
    )
    predictions_layer(model).temperature = 2.5
    export_onnx(model, tmp_path / "model", background=background)
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert (
        "Mark of the network: weights leak\n\n"
        "Mark of 25x10-other: 1 of 4 was trained on\n\n"
        "Mark of 25x10-other: of other data\n\n"
        "Mark of 25x10-split2: 1 of 4 was trained on\n\n"
    ) in card
    export = chain.read(tmp_path / "model" / "origin.json")
    (network,) = export.parents.values()
    assert network.trained_on == trained_on and network.fingerprint
    assert export.kind == "export" and export.fingerprint
    tree = "\n".join(chain.lines(export))
    assert f"## Origin\n\n```text\n{tree}\n```" in card
    assert "- Recipe: `mine`. A trial\n" in card
    assert "- Data: `clips`, training videos of split 1" in card
    (row,) = [line for line in card.splitlines() if "| 25x10-split2" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:2] == ["25x10-split2", "2"]
    # Of two classes no top-5.
    assert cells[5:8] == ["4", "75.00 %", "83.33 %"]
    assert (
        "- They are computed from logits divided by 2.5, the temperature"
        in card
    )
    assert "compared with the trained network on generated clips" in card


def card_of(spec, directory, export=export_saved_model):
    """The card of a network that sees these clips, in one line."""
    export(mean_color_network(NAMES, clip_spec=spec), directory)
    return " ".join((directory / "README.md").read_text("utf-8").split())


def test_it_tells_how_many_images_are_sampled(tmp_path):
    card = card_of(ClipSpec(num_segments=1, size=16), tmp_path / "rgb")
    assert "1 segment in training; a snippet of 1 frame begins" in card
    spec = ClipSpec(("rgb_diff",), num_segments=3, snippet_length=5, size=16)
    card = card_of(spec, tmp_path / "rgb_diff")
    assert "3 segments in training; a snippet of 5 motion images" in card


def test_it_tells_why_flow_is_not_made_inside(tmp_path):
    spec = ClipSpec(
        ("flow",), snippet_length=1, size=16, flow=FlowSpec(method="dis")
    )
    card = card_of(spec, tmp_path / "saved_model")
    assert "Signature `serve_frames`" not in card
    assert "no signature `serve_frames`" in card and "by TV-L1, and" in card
    assert "method `dis` on the resized frames." in card
    assert (
        "a shorter side of 256 pixels, keeping the aspect ratio, with area"
        in card
    )
    squashed = spec.changed(
        {"frame": {"size": "340x256", "deinterlace": "yadif"}}
    )
    other = card_of(squashed, tmp_path / "squashed", export_onnx)
    assert "340x256 pixels, without keeping the aspect ratio" in other
    assert "deinterlaced with `yadif`" in other
    assert "a snippet of 1 motion image " in card
    # Of the other formats nobody expects one.
    card = card_of(spec, tmp_path / "onnx", export_onnx)
    assert "by the method `dis`" in card and "serve_frames" not in card
