import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.cli.import_weights import _application
from keras_vidrec.weights.towers import slots
from tests.cli.command import vidrec
from tests.weights.references.published import torchvision_resnet


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A file of a small network, by the names of this package."""
    path = tmp_path_factory.mktemp("published") / "net.keras"
    model = TSN(backbone="tiny", classes=3)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.weights])
    layer = model.get_layer("preprocessing")
    layer.mean, layer.std, layer.channel_order = (1.0, 2.0, 3.0), 4.0, "bgr"
    model.save(path)
    return path


def command(source, out, *arguments, status=0):
    return vidrec(
        *("import-weights", source, "--application", "tsn"),
        *("--backbone", "tiny", "--out", out),
        *arguments,
        status=status,
    )


def test_weights_and_names_and_pixels_arrive(tiny, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("jump\nrun\n\nwalk\n", "utf-8")
    out, err = command(
        *(tiny, tmp_path / "deep/model.keras", "--class-names", names),
        *("--set", "num_segments=4"),
    )
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "147 tensors loaded (keras_vidrec names, keras file)"
    assert lines[-2].startswith("pixels of rgb: (BGR - (1, 2, 3)) / 4, in the")
    assert lines[-1] == f"Model: {tmp_path / 'deep/model.keras'}"
    model = keras.models.load_model(tmp_path / "deep/model.keras")
    source = keras.models.load_model(tiny)
    for one, two in zip(model.weights, source.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    assert describe(model).class_names == ("jump", "run", "walk")
    assert describe(model).clip_spec.num_segments == 4
    assert model.get_layer("preprocessing").channel_order == "bgr"


def test_a_network_of_flow_from_colors_in_one_step(tiny, tmp_path):
    out, _ = command(
        *(tiny, tmp_path / "flow.keras", "--modality", "flow"),
        *("--inflate", "avg", "--classes", 5, "--allow-missing", "head"),
    )
    assert "inflated: conv1 (3 to 10 channels: avg)" in out
    assert "kept as they were: logits" in out
    model = keras.models.load_model(tmp_path / "flow.keras")
    source = keras.models.load_model(tiny)
    kernel, colors = (
        np.array(network.get_layer(stream).get_layer("conv1").kernel)
        for network, stream in ((model, "flow"), (source, "rgb"))
    )
    mean = colors.astype("float64").mean(2)
    for channel in range(10):
        np.testing.assert_allclose(kernel[:, :, channel], mean, rtol=1e-6)
    assert model.output_shape == (None, 5)
    assert describe(model).class_names is None
    assert describe(model).clip_spec.modalities == ("flow",)


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow",
    reason="asks whether another backend does without TensorFlow",
)
def test_no_tensorflow_on_another_backend(tiny, tmp_path):
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from keras_vidrec.cli.main import main\n"
        "main()"
    )
    arguments = ["import-weights", tiny, "--application", "tsn"]
    arguments += ["--backbone", "tiny", "--out", tmp_path / "model.keras"]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    assert (tmp_path / "model.keras").exists()


def test_what_does_not_fit_leaves_no_file(tiny, tmp_path):
    out = tmp_path / "model.keras"
    _, err = command(tiny, out, "--classes", 5, status=1)
    assert err.startswith("vidrec: Expected weights for all of 'tsn' (tiny)")
    assert "(256, 3) for logits/kernel (256, 5), unless allow_missing" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--out", "model.h5"], "Expected a .keras file"),
        (["--inflate", "copy"], "Invalid value for '--inflate'"),
        (["--set", "num_segments"], "Expected NAME=VALUE"),
        (["--modality", "sound"], "Invalid value for '--modality'"),
        (["--classes", "0"], "Invalid value for '--classes'"),
        (["--class-names", "no.txt"], "Invalid value for '--class-names'"),
    ],
)
def test_bad_usage(tiny, tmp_path, arguments, message):
    _, err = command(tiny, tmp_path / "model.keras", *arguments, status=2)
    assert message in " ".join(err.split())


def test_a_release_of_a_resnet_is_named(tmp_path):
    """Rather than another network made of the weights."""
    keras.applications.ResNet50(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    ).save(tmp_path / "net.keras")
    _, err = vidrec(
        *("import-weights", tmp_path / "net.keras", "--application", "tsn"),
        *("--backbone", "resnet50", "--out", tmp_path / "model.keras"),
        status=1,
    )
    assert "build the model with backbone='resnet50_caffe'" in err
    assert "(--backbone resnet50_caffe)" in err


def test_the_source_is_not_overwritten(tiny, tmp_path):
    _, err = command(tiny, tiny, status=2)
    assert "Expected another file than SOURCE" in err
    _, err = command(tmp_path / "none.pth", tmp_path / "a.keras", status=2)
    assert "There is no" in err


@pytest.mark.parametrize("name", ["STResNet", "st_resnet", "st-resnet"])
def test_applications_in_any_spelling(name):
    assert _application(name) == "STResNet"


def test_an_unknown_application_is_told():
    with pytest.raises(
        ValueError, match="Expected one of .*'STFN'.* --application slow"
    ):
        _application("slowfast")


@pytest.mark.large
def test_streams_of_different_backbones(tmp_path):
    source = TwoStreamConvNet(
        backbone={"rgb": "tiny", "flow": "vgg_m_2048"}, classes=3
    )
    source.save(tmp_path / "source.keras")
    vidrec(
        *("import-weights", tmp_path / "source.keras", "--backbone", "tiny"),
        *("--application", "two-stream-convnet"),
        *("--set", "backbone={rgb: tiny, flow: vgg_m_2048}"),
        *("--out", tmp_path / "model.keras"),
    )
    model = keras.models.load_model(tmp_path / "model.keras")
    for one, two in zip(model.weights, source.weights, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.large
def test_a_file_of_torchvision(tmp_path):
    """As published: names, shapes and the format; the values are random."""
    torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")
    tensors = torchvision_resnet((3, 4, 6, 3), classes=7)
    path = tmp_path / "resnet50.pth"
    torch.save({name: torch.tensor(x) for name, x in tensors.items()}, path)
    arguments = ("--application", "TSN", "--backbone", "resnet50")
    out, _ = vidrec(
        *("import-weights", path, *arguments),
        *("--out", tmp_path / "rgb.keras"),
    )
    assert "267 tensors loaded (torchvision or timm names, pytorch file)" in out
    model = keras.models.load_model(tmp_path / "rgb.keras")
    assert model.output_shape == (None, 7)
    assert len(slots(model)) == 267
    kernel = tensors["layer3.5.conv2.weight"]
    np.testing.assert_array_equal(
        model.get_layer("rgb").get_layer("res4f_branch2b").kernel,
        kernel.transpose(2, 3, 1, 0),
    )
