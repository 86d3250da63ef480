"""Precisions, and what an export is for."""

import json

import numpy as np
import pytest

from keras_vidrec import export
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import forms
from keras_vidrec.export import reduction
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.ordered_network import ordered_network
from tests.export.onnx_test import NETWORKS
from tests.export.onnx_test import awake
from tests.export.standalone.recognizer_test import loaded
from tests.export.trained_tower import trained_tower

pytestmark = pytest.mark.tensorflow_only


@pytest.fixture(scope="module")
def trained(small_videos):
    return trained_tower(small_videos)


def kinds_of_onnx(directory):
    """Types of numbers, and shapes of clips, of a file."""
    import onnx

    graph = onnx.load(directory / "model.onnx").graph
    kinds = {
        onnx.TensorProto.DataType.Name(tensor.data_type).lower()
        for tensor in graph.initializer
    }
    (tensor,) = graph.input
    sizes = tensor.type.tensor_type.shape.dim
    return kinds, tuple(size.dim_value or None for size in sizes)


def kinds_of_litert(directory):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(directory / "model.tflite"))
    kinds = {
        np.dtype(tensor["dtype"]).name
        for tensor in interpreter.get_tensor_details()
        if len(tensor["shape"]) == 4
    }
    (clip,) = interpreter.get_input_details()
    return kinds, tuple(n if n > 0 else None for n in clip["shape_signature"])


def kinds_of_openvino(directory):
    import openvino

    network = openvino.Core().read_model(directory / "model.xml")
    kinds = {
        {"i8": "int8", "f16": "float16"}.get(name, name)
        for name in (
            op.get_element_type().get_type_name()
            for op in network.get_ops()
            if op.get_type_name() == "Constant" and len(op.shape) == 4
        )
    }
    shape = network.inputs[0].get_partial_shape()
    return kinds, tuple(
        None if size.is_dynamic else size.get_length() for size in shape
    )


STILL = (1, 3, 32, 32, 3)
OPEN = (None, None, None, None, 3)


@pytest.mark.parametrize(
    "format, precision, target, kinds_of",
    [
        ("onnx", "int8", "browser", kinds_of_onnx),
        ("onnx", "float16", "server", kinds_of_onnx),
        ("litert", "int8", "phone", kinds_of_litert),
        pytest.param(
            *("litert", "float16", "server", kinds_of_litert),
            marks=pytest.mark.large,
        ),
        ("openvino", "int8", "server", kinds_of_openvino),
        pytest.param(
            *("openvino", "float16", "server", kinds_of_openvino),
            marks=pytest.mark.large,
        ),
    ],
)
def test_fewer_bits_are_tested_beside_float32(
    trained, small_videos, tmp_path, uncompiled, format, precision, target,
    kinds_of,
):  # fmt: skip
    model, background = trained
    directory = tmp_path / "model"
    difference = getattr(export, f"export_{format}")(
        model,
        directory,
        background=background,
        precision=precision,
        target=target,
        max_loss=20,
    )
    # It is another network, by little.
    assert 1e-5 < difference < (0.2 if precision == "int8" else 1e-2)
    kinds, shape = kinds_of(directory)
    assert precision in kinds
    assert shape == (OPEN if target == "server" else STILL)
    bundle = json.loads((directory / "bundle.json").read_text("utf-8"))
    network = bundle["network"]
    assert (network["precision"], network["target"]) == (precision, target)
    assert network["batch"] == shape[0] and network["segments"] == shape[1]
    found = export.Reduction(**network["reduction"])
    assert found.difference == difference and found.loss <= 20
    assert (found.part, found.videos, found.figure) == ("training", 24, "top_1")
    assert found.calibration == (24 if precision == "int8" else 0)
    assert found.float32 > 0.3 and found.time > 0 < found.milliseconds
    if format == "onnx":
        import onnx

        props = onnx.load(directory / "model.onnx").metadata_props
        assert "class_names" in {one.key for one in props}
    card = (directory / "README.md").read_text("utf-8")
    assert all(f"- {line}." in card for line in found.lines())
    assert f"in {precision}, for a {target}: " in card
    # predict.py shows it clips of its size.
    answer = loaded(directory).Recognizer()
    still = target != "server"
    assert bundle["test"]["crops"] == ("center" if still else "frame")
    (path,) = sorted(small_videos.rglob("*g01_c01*"))[:1]
    layer = predictions_layer(model)
    own = layer.test_protocol
    layer.test_protocol = own.replace(crops=bundle["test"]["crops"])
    expected = Predictor(model)(path)
    layer.test_protocol = own
    order = [answer.classes.index(name) for name in expected.classes]
    np.testing.assert_allclose(
        answer(str(path))[order],
        expected.probabilities,
        atol=0.2 if precision == "int8" else 1e-2,
    )


def test_what_costs_too_much_is_not_kept(trained, tmp_path, monkeypatch):
    """Ranges of gray clips, which are the mean of pixels, are near 0."""
    model, background = trained
    calibration = reduction.calibration
    monkeypatch.setattr(
        reduction,
        "calibration",
        lambda found: [
            {name: np.full_like(clip, 117) for name, clip in clips.items()}
            for clips in calibration(found)
        ],
    )
    with pytest.raises(
        RuntimeError,
        match=r"int8 costs too much. Expected a loss of at most 1 percentage "
        r"points \(`max_loss`\). Received: \d+\.\d\d, int8: top-1 accuracy of "
        "24 training videos",
    ):
        export.export_openvino(
            model, tmp_path / "model", background=background, precision="int8"
        )
    assert not [*tmp_path.iterdir()]


def test_without_videos_nothing_is_tested(trained, tmp_path):
    model, background = trained
    gone = background.recipe.with_data(directory=str(tmp_path / "gone"))
    for known in (None, export.Background("moved", gone)):
        with pytest.raises(
            ValueError, match="Expected a run whose dataset can"
        ):
            export.export_onnx(
                model, tmp_path / "model", background=known, precision="float16"
            )
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("target", ["server", "phone"])
@pytest.mark.large
def test_a_program_of_pytorch(trained, tmp_path, small_videos, target):
    """It runs without Keras, from clips of another size."""
    import torch

    model, background = trained
    directory = tmp_path / "model"
    difference = export.export_torch(
        model, directory, background=background, target=target
    )
    assert difference < 1e-4
    program = torch.export.load(directory / "model.pt2").module()
    shape = (2, 5, 40, 48, 3) if target == "server" else STILL
    clips = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    found = program(torch.from_numpy(clips))
    np.testing.assert_allclose(
        found["probabilities"].detach(), model(clips), atol=1e-4
    )
    if target == "phone":
        return
    (path,) = sorted(small_videos.rglob("*g01_c01*"))[:1]
    answer = loaded(directory).Recognizer()
    expected = Predictor(model)(path)
    order = [answer.classes.index(name) for name in expected.classes]
    np.testing.assert_allclose(
        answer(str(path))[order], expected.probabilities, atol=1e-4
    )


@pytest.mark.parametrize(
    "write",
    [
        export.export_openvino,
        pytest.param(export.export_torch, marks=pytest.mark.large),
    ],
)
def test_a_network_over_features(tmp_path, write):
    """It has an LSTM, and no predict.py."""
    model = awake(NETWORKS["lstm"]())
    assert 0 <= write(model, tmp_path / "model") <= 1e-4
    assert not (tmp_path / "model" / "predict.py").exists()


@pytest.mark.parametrize(
    "arguments, text",
    [
        (
            ("saved_model", "int8"),
            "Invalid `precision`. Expected 'float32' of the format "
            "'saved_model'; in int8 there are 'onnx' or 'litert' or "
            "'openvino'. Received: precision='int8'",
        ),
        (
            ("openvino", "int8", "phone"),
            "Invalid `format`. Expected 'litert' or 'onnx' or 'torch' for a "
            "phone. Received: format='openvino'",
        ),
        (("onnx", "int4"), "Invalid `precision`. Expected one of"),
        (("onnx", "int8", "watch"), "Invalid `target`. Expected one of"),
        (("onnx", "int8", "phone", -1), "Invalid `max_loss`. Expected a"),
    ],
)
def test_what_there_is_not(arguments, text):
    with pytest.raises(ValueError) as error:
        forms.checked_form(*arguments)
    assert str(error.value).startswith(text)


def test_flow_inside_is_for_a_saved_model_only(tmp_path):
    for write in (export.export_openvino, export.export_torch):
        with pytest.raises(ValueError, match="Only a SavedModel can contain"):
            write(flow_network(), tmp_path / "model")
    assert not [*tmp_path.iterdir()]


def flow_network():
    from keras_vidrec.applications import LateFusion

    networks = {
        m: mean_color_network(
            ("a", "b"), clip_spec=ClipSpec((m,), snippet_length=n, size=16)
        )
        for m, n in (("rgb", 1), ("flow", 2))
    }
    return LateFusion(networks, flow_from="rgb")


def test_fixed_clips_of_a_network_of_whole_clips_are_those_of_its_test():
    spec = ClipSpec(num_segments=5, size=16, ordered=True)
    test = Protocol(num_segments=7, crops="ten")
    model = ordered_network(("a", "b"), clip_spec=spec, test=test)
    (clip,) = endpoints.of_clips(model, still=True).inputs
    assert tuple(clip.shape) == (1, 7, 16, 16, 3)


def test_a_loss_that_nobody_can_know_is_too_much():
    """Of videos without labels."""

    class Unlabeled(list):
        part, classes = "validation", ("a", "b")

    found = Unlabeled([({"x": np.zeros(1)}, -1)])

    def run(clips):
        return {"probabilities": np.array([[0.25, 0.75]])}

    with pytest.raises(RuntimeError, match="Received: nan"):
        reduction.test(forms.Form("onnx", "float16"), found, 0, run, run)
