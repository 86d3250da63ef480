"""`predict.py` of an export gives what `vidrec predict` gives, without this
package."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import join
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.export import export_litert
from keras_vidrec.export import export_onnx
from keras_vidrec.export import export_saved_model
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.videos import video
from tests.applications.own_towers import own_towers
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.ordered_network import ordered_network
from tests.videos import encodings as tables

pytestmark = pytest.mark.tensorflow_only

NAMES = ("jump", "laufen", "跳高")
FRAME = FrameSpec("short40")
DIS = FlowSpec("dis", 15.0)
# What an environment without this package has not, and without TensorFlow.
OURS = ("keras_vidrec", "keras", "scipy", "sklearn", "matplotlib", "yaml")
FOREIGN = (*OURS, "tensorflow", "torch", "jax")


def answers(directory, videos, blocked=FOREIGN):
    """What `predict.py --json` prints of some videos, in a process that has
    none of these packages: dict of probabilities by class for each."""
    code = (
        "import runpy, sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "sys.argv = ['predict.py', '--json', '--top', '9', *sys.argv[1:]]\n"
        f"runpy.run_path({str(directory / 'predict.py')!r}, "
        "run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *map(str, videos)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = []
    for line in map(json.loads, done.stdout.splitlines()):
        found.append(dict(zip(line["classes"], line["probabilities"])))
    return found


def check(model, directory, videos, blocked=FOREIGN):
    """Compares with `vidrec predict`; probabilities must tell videos and
    classes apart."""
    predict = Predictor(model)
    expected = [predict(path) for path in videos]
    for answer, prediction in zip(
        answers(directory, videos, blocked), expected, strict=True
    ):
        assert tuple(answer) == prediction.classes
        np.testing.assert_allclose(
            tuple(answer.values()), prediction.probabilities, atol=1e-4
        )
    values = [dict(zip(p.classes, p.probabilities)) for p in expected]
    seen = np.array([[value[name] for name in NAMES] for value in values])
    assert np.ptp(seen, axis=1).min() > 0.05 and seen.max() < 0.99
    assert np.ptp(seen, axis=0).max() > 1e-3


def tuned(model):
    """The network with scores that are far from certain."""
    layer = model.get_layer("logits")
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.05, w.shape) for w in layer.weights])
    return model


def frames_network():
    """A network of convolutions, tested in ten crops."""
    model = tuned(TSN(backbone=own_towers(rgb=3)["rgb"], classes=3))
    layer = predictions_layer(model)
    layer.class_names = NAMES
    layer.clip_spec = layer.clip_spec.replace(size=32, frame=FRAME)
    layer.test_protocol = Protocol(num_segments=4, crops="ten")
    layer.temperature = 1.5
    return model


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Pictures of other sizes, rates, codecs and ways up."""
    directory = tmp_path_factory.mktemp("videos")
    picture = "testsrc2=s={}:r=25:d=1,hue=h={}"
    h264 = (*tables.X264, "yuv420p")
    varies = ("-fps_mode", "passthrough", "-vf",
              "settb=1/1000,setpts=N*40+300*gt(N\\,5)")  # fmt: skip
    made = (
        ("portrait.mp4", h264, "48x64", 0),
        ("four_by_three.avi", tables.MPEG4, "64x48", 90),
        ("varies.mp4", (*h264, *varies), "64x48", 180),
    )
    found = [
        tables.encode(directory / file, arguments, picture.format(size, hue))
        for file, arguments, size, hue in made
    ]
    turned = directory / "turned.mp4"
    tables.ffmpeg(
        "-display_rotation", "90", "-i", found[0], *tables.COPY, turned
    )
    return [*found, turned]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The network of frames and its ONNX export."""
    model = frames_network()
    directory = tmp_path_factory.mktemp("exports") / "onnx"
    export_onnx(model, directory)
    return model, directory


def test_of_frames(exported, videos, uncompiled):
    check(*exported, videos)


def test_of_real_clips(exported, real_data, uncompiled):
    names = (
        "ucf101_clips/v_Archery_g02_c02.avi",
        "odd_videos/video_90.mov",
        "odd_videos/h264_10bits.mp4",
        "kinetics_clips/R6llTwEh07w.mp4",
        "human_clips/v_biking_01_01.mpg",
    )
    check(*exported, [real_data / name for name in names])


def test_of_motion_at_a_rate(videos, tmp_path, uncompiled):
    spec = ClipSpec(
        ("rgb_diff",),
        snippet_length=3,
        sampling="uniform",
        size=32,
        frame=FrameSpec("60x40", "bilinear", fps=12.5),
    )
    test = PROTOCOLS["5_sequences"].test
    # Built for two segments at a time; there are 15 snippets.
    model = mean_color_network(
        NAMES, num_segments=2, size=32, clip_spec=spec, test=test
    )
    export_litert(model, tmp_path / "model")
    check(model, tmp_path / "model", videos)


@pytest.mark.parametrize("modality", ["flow", "warped_flow"])
def test_of_two_streams(modality, videos, tmp_path, uncompiled):
    """Chunks of frames and flow in several clips, of the whole picture."""
    spec = ClipSpec(
        ("rgb", modality),
        snippet_length=4,
        alignment="centered",
        sampling="chunks",
        stride=(3, 3),
        size=32,
        frame=FRAME,
        flow=DIS,
    )
    test = Protocol(num_clips=2, num_segments=3, crops="frame_and_mirror")
    model = mean_color_network(NAMES, clip_spec=spec, test=test)
    export_onnx(model, tmp_path / "model")
    check(model, tmp_path / "model", videos)


def test_of_several_labels(videos, tmp_path, uncompiled):
    spec = ClipSpec(size=32, frame=FRAME)
    test = Protocol(num_segments=3, averaged="probabilities")
    model = mean_color_network(
        NAMES, activation="sigmoid", clip_spec=spec, test=test
    )
    predictions_layer(model).thresholds = (0.1, 0.9, 0.3)
    export_onnx(model, tmp_path / "model")
    check(model, tmp_path / "model", videos)
    alone = loaded(tmp_path / "model").Recognizer()
    predict = Predictor(model)
    shown = [predict(path).present for path in videos]
    assert [tuple(alone.present(alone(str(path)))) for path in videos] == shown
    assert 0 < len(shown[0]) < 3


def test_of_clips_in_order(videos, tmp_path, uncompiled):
    spec = ClipSpec(
        num_segments=5, size=16, alignment="centered", sampling="chunks",
        stride=(4, 4), ordered=True, frame=FRAME,
    )  # fmt: skip
    test = Protocol(num_clips=3, num_segments=None, crops="ten")
    model = ordered_network(NAMES, clip_spec=spec, test=test)
    layer = model.get_layer("clip_logits")
    layer.set_weights([np.random.default_rng(1).normal(size=(3, 3)) / 2])
    export_onnx(model, tmp_path / "model")
    check(model, tmp_path / "model", videos)


def test_of_a_network_over_features(videos, tmp_path, uncompiled):
    """It is exported with the networks that make the features."""
    spec = ClipSpec(size=16, frame=FRAME)
    rgb = mean_color_network(NAMES, clip_spec=spec)
    spec = ClipSpec(("flow",), snippet_length=2, size=16, frame=FRAME, flow=DIS)
    flow = mean_color_network(NAMES, clip_spec=spec)
    head = TSLSTM(
        classes=len(NAMES),
        num_segments=4,
        temporal_segments=2,
        units=(4,),
        input_shape={"rgb": (4, 3), "flow": (4, 4)},
    )
    layer = predictions_layer(head)
    layer.clip_spec = layer.clip_spec.replace(flow=DIS)
    model = tuned(join(head, rgb=rgb, flow=flow))
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([20 * kernel, 20 * bias])
    layer = predictions_layer(model)
    layer.class_names, layer.test_protocol = NAMES, Protocol(num_segments=4)
    export_litert(model, tmp_path / "model")
    check(model, tmp_path / "model", videos)


def test_of_a_saved_model(videos, tmp_path, uncompiled):
    model = frames_network()
    export_saved_model(model, tmp_path / "model")
    check(model, tmp_path / "model", videos, blocked=OURS)


@pytest.mark.large
def test_of_flow_that_the_network_makes(videos, tmp_path, uncompiled):
    """TV-L1 of whole frames: that of the package, by another compiler."""
    specs = {
        "rgb": ClipSpec(size=32, frame=FRAME),
        "flow": ClipSpec(("flow",), snippet_length=2, size=32, frame=FRAME),
    }
    test = Protocol(num_segments=2, crops="center")
    model = LateFusion(
        {
            m: mean_color_network(NAMES, clip_spec=spec, test=test)
            for m, spec in specs.items()
        }
    )
    export_saved_model(model, tmp_path / "model")
    check(model, tmp_path / "model", videos[:2], blocked=OURS)


def loaded(directory):
    """The module `predict.py`."""
    path = directory / "predict.py"
    spec = importlib.util.spec_from_file_location("predict", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def called(directory, *arguments, monkeypatch, capsys, status):
    """Calls `predict.py` in this process; what it prints to stdout and
    stderr."""
    monkeypatch.setattr(sys, "argv", ["predict.py", *map(str, arguments)])
    try:
        ended = loaded(directory).main()
    except SystemExit as end:
        ended = end.code
    said = capsys.readouterr()
    assert ended == status, said
    return said


def test_what_it_says(exported, videos, tmp_path, monkeypatch, capsys):
    _, directory = exported
    text = tmp_path / "notes.mp4"
    text.write_text("no video\n")
    out, err = called(
        directory, videos[0], text, videos[1], "--top", 2,
        monkeypatch=monkeypatch, capsys=capsys, status=2,
    )  # fmt: skip
    # One problem is told, as the package tells it, and the others are answered.
    with pytest.raises(video.VideoError) as told:
        video.probe(text)
    assert err == f"predict.py: {told.value}\n"
    first, *classes = out.splitlines()[:3]
    assert first == str(videos[0]) and out.count("\n") == 6
    assert all(re.fullmatch(r" +\d+\.\d\d %  \S+", line) for line in classes)
    out, _ = called(
        directory, text, videos[0], "--json",
        monkeypatch=monkeypatch, capsys=capsys, status=2,
    )  # fmt: skip
    broken, read = map(json.loads, out.splitlines())
    assert broken["video"] == str(text) and "no frame" in broken["error"]
    assert read["video"] == str(videos[0]) and read["remarks"] == []


def test_options_that_there_are_not(exported, monkeypatch, capsys):
    for arguments in ((), ("a.mp4", "--top", 0), ("a.mp4", "--fast")):
        _, err = called(
            exported[1], *arguments,
            monkeypatch=monkeypatch, capsys=capsys, status=2,
        )  # fmt: skip
        assert err.startswith("usage: ") and "Traceback" not in err


def changed(**values):
    def change(directory):
        path = directory / "bundle.json"
        bundle = json.loads(path.read_text("utf-8"))
        bundle.update(values)
        path.write_text(json.dumps(bundle), "utf-8")

    return change


def cut_off(directory):
    path = directory / "model.onnx"
    path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    "damage, problem",
    [
        (
            changed(classes=["a", "b"]),
            "it has 3 classes, but bundle.json has 2",
        ),
        (changed(schema=2), "expected schema 1, received 2"),
        (changed(activation="tanh"), "activation tanh is unknown"),
        (changed(clip=None), "bundle.json'"),
        (changed(network={"file": "model.onnx"}), "it has no key 'format'"),
        (lambda d: (d / "bundle.json").write_text("{"), "bundle.json'"),
        (lambda d: (d / "model.onnx").unlink(), "there is no such file"),
        (cut_off, "model.onnx'"),
    ],
)
def test_a_damaged_bundle(
    exported, videos, tmp_path, damage, problem, monkeypatch, capsys
):
    directory = tmp_path / "bundle"
    shutil.copytree(exported[1], directory)
    damage(directory)
    out, err = called(
        directory, videos[0],
        monkeypatch=monkeypatch, capsys=capsys, status=2,
    )  # fmt: skip
    assert not out and problem in err
    assert err.startswith("predict.py: ") and err.count("\n") == 1
