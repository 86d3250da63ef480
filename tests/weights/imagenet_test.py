import importlib
import inspect
import pathlib

import keras
import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.backbones.pixel_scaling import CAFFE_RGB
from keras_vidrec.backbones.pixel_scaling import CENTERED_FLOW
from keras_vidrec.backbones.pixel_scaling import SYMMETRIC
from keras_vidrec.weights import downloads
from keras_vidrec.weights import pixels
from keras_vidrec.weights.imagenet import imagenet
from keras_vidrec.weights.imagenet import published_file
from keras_vidrec.weights.published import packages

BUILDERS = {
    "resnet50_caffe": "ResNet50",
    "resnet101_caffe": "ResNet101",
    "resnet152_caffe": "ResNet152",
    "inception_v3": "InceptionV3",
    "vgg16": "VGG16",
}


@pytest.fixture(scope="module")
def built():
    return {}


@pytest.fixture
def published(monkeypatch, built):
    """The networks of `keras.applications` that were asked for, with random
    weights and statistics in the place of those to download."""
    asked = []
    monkeypatch.setattr(
        downloads, "fetch", lambda file, instead: pathlib.Path(file.name)
    )

    def replace(backbone, name):
        real = getattr(keras.applications, name)

        def build(weights, include_top):
            assert weights == published_file(backbone, include_top).name
            if (name, include_top) not in built:
                network = real(weights=None, include_top=include_top)
                rng = np.random.default_rng(0)
                for weight in network.weights:
                    if weight.name != "kernel":
                        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
                built[name, include_top] = network
            asked.append(built[name, include_top])
            return asked[-1]

        monkeypatch.setattr(keras.applications, name, build)

    for backbone, name in BUILDERS.items():
        replace(backbone, name)
    return asked


def differences(backbone, snippet_length=None):
    """A network that begins as this backbone, which is all that it has."""
    channels = 3 * (snippet_length or 5)
    tower = backbones.get(backbone, channels=channels, endpoints=["relu2"])
    return TSN(
        modality="rgb_diff",
        snippet_length=snippet_length,
        backbone=tower,
        include_top=False,
    )


def weights_of(layer):
    return [keras.ops.convert_to_numpy(w) for w in layer.weights]


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        # At odd sizes, paddings are as there.
        ("resnet50_caffe", 69),
        pytest.param("resnet101_caffe", 64, marks=pytest.mark.large),
        pytest.param("resnet152_caffe", 64, marks=pytest.mark.large),
        ("inception_v3", 107),
        pytest.param("vgg16", 224, marks=pytest.mark.large),
    ],
)
def test_towers_agree_with_keras_applications(published, backbone, size):
    model = TSN(backbone=backbone, include_top=False)
    # Whatever weights the model had before.
    pixels.scale_pixels(model, {"rgb": PixelScaling(1.0, 2.0)})
    tower = model.get_layer("rgb")
    before = {w.path: np.array(w) for w in tower.weights}
    report = imagenet(model, backbone=backbone)
    assert not (report.missing + report.mismatched + report.inflated)
    assert report.unused == ()
    assert all((before[w.path] != np.array(w)).any() for w in tower.weights)

    # The pixels that a model of this package hands to such a tower, and what
    # keras.applications makes of them.
    colors = np.random.default_rng(1).integers(0, 256, (2, size, size, 3))
    colors = colors.astype("float32")
    scaling = backbones.preprocessing(backbone, "rgb")
    assert pixels.scalings_of(model) == {"rgb": scaling}
    images = colors[..., ::-1] if scaling.channel_order == "bgr" else colors
    images = (images - np.float32(scaling.mean)) / np.float32(scaling.std)
    module = "resnet" if backbone.startswith("resnet") else backbone
    preprocess = getattr(keras.applications, module).preprocess_input
    theirs = preprocess(colors.copy())
    np.testing.assert_allclose(images, theirs, atol=1e-4)

    (network,) = published
    if backbone == "vgg16":
        network = keras.Model(network.input, network.get_layer("fc2").output)
    expected = keras.ops.convert_to_numpy(network(theirs))
    if expected.ndim == 4:
        expected = expected.mean((1, 2))
    found = keras.ops.convert_to_numpy(tower(images.astype("float32")))
    found = found.mean((1, 2))
    assert np.ptp(expected) > 0
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=atol)


def test_towers_of_motion_are_inflated(published):
    model = TSN(modality="warped_flow", backbone="inception_v3", classes=3)
    head = weights_of(model.get_layer("logits"))
    ours = model.get_layer("warped_flow").get_layer("Conv2d_1a_3x3_conv")
    for mode in ("symmetric", "scaled", "avg"):
        report = imagenet(model, mode)
        first = next(
            layer
            for layer in published[-1].layers
            if isinstance(layer, keras.layers.Conv2D)
        )
        (kernel,) = weights_of(first)
        if mode == "symmetric":
            expected = kernel[:, :, [0, 1, 2, 2, 1, 0, 0, 1, 2, 2]]
        else:
            mean = (kernel[:, :, 0] + kernel[:, :, 1] + kernel[:, :, 2]) / 3
            expected = np.stack([mean] * 10, axis=2)
            if mode == "scaled":
                expected *= 3 / 10
        (found,) = weights_of(ours)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
        assert report.inflated == (
            f"warped_flow/Conv2d_1a_3x3_conv (3 to 10 channels: {mode})",
        )
    assert report.missing == ("logits",)
    for before, after in zip(head, weights_of(model.get_layer("logits"))):
        np.testing.assert_array_equal(before, after)
    # Everything else was copied: 93 convolutions, 94 normalizations.
    assert len(report.copied) == 93 + 94 and not report.mismatched
    layer = model.get_layer("preprocessing")
    assert (layer.mean, layer.std) == (SYMMETRIC.mean, SYMMETRIC.std)


def test_pixels_of_motion_are_scaled_for_it(published):
    """Whatever weights the model had before."""
    model = TSN(
        modality="flow",
        backbone="resnet50_caffe",
        include_top=False,
    )
    pixels.scale_pixels(model, {"flow": PixelScaling(1.0, 2.0)})
    imagenet(model, backbone="resnet50_caffe")
    assert pixels.scalings_of(model) == {"flow": CENTERED_FLOW}


def test_a_bare_tower(published):
    tower = backbones.get("inception_v3", endpoints=["relu2"])
    report = imagenet(tower, backbone="inception_v3")
    assert len(report.copied) == 2 * 5 and not report.missing
    ours, theirs = (
        [x for x in network.layers if isinstance(x, keras.layers.Conv2D)]
        for network in (tower, published[-1])
    )
    for one, two in zip(ours, theirs[:5], strict=True):
        np.testing.assert_array_equal(weights_of(one), weights_of(two))


@pytest.mark.large
def test_pixels_of_other_streams_are_scaled_as_before(published):
    model = SpatiotemporalMultiplier(backbone="resnet50_caffe", classes=3)
    other = PixelScaling(1.0, 2.0)
    pixels.scale_pixels(model, {"rgb": other, "flow": other})
    imagenet(model, streams=["rgb"])
    assert pixels.scalings_of(model) == {"rgb": CAFFE_RGB, "flow": other}


def test_differences_of_single_frames_are_motion(published):
    """Three channels that are no colors."""
    model = differences("inception_v3", snippet_length=1)
    report = imagenet(model, backbone="inception_v3")
    assert report.inflated == (
        "rgb_diff/Conv2d_1a_3x3_conv (3 to 3 channels: avg)",
    )
    tower = model.get_layer("rgb_diff")
    kernel = tower.get_layer("Conv2d_1a_3x3_conv").get_weights()[0]
    np.testing.assert_allclose(kernel.std(axis=2), 0, atol=1e-7)


@pytest.mark.parametrize(
    ("backbone", "mode", "preprocess"),
    [
        ("inception_v3", "avg", keras.applications.inception_v3),
        ("resnet50_caffe", "symmetric", keras.applications.resnet),
    ],
)
def test_differences_are_scaled_as_the_images(
    published, backbone, mode, preprocess
):
    """The first kernel gives on differences of raw frames what the published
    one, inflated, gives on those of frames as keras.applications has them."""
    model = differences(backbone)
    imagenet(model, mode, backbone=backbone)
    convolutions = [
        next(x for x in network.layers if isinstance(x, keras.layers.Conv2D))
        for network in (published[-1], model.get_layer("rgb_diff"))
    ]
    kernel, found = (weights_of(layer)[0] for layer in convolutions)
    channels = found.shape[2]
    if mode == "avg":
        inflated = np.stack([kernel.mean(2)] * channels, axis=2)
    else:
        there_and_back = np.tile([0, 1, 2, 2, 1, 0], 3)[:channels]
        inflated = kernel[:, :, there_and_back]
    frames = np.random.default_rng(2).integers(
        0, 256, (channels // 3 + 1, *kernel.shape[:2], 3)
    )
    frames = frames.astype("float32")
    raw, scaled = (
        np.concatenate(list(x[1:] - x[:-1]), axis=-1)
        for x in (frames, preprocess.preprocess_input(frames.copy()))
    )
    expected = np.einsum("hwc,hwcf->f", scaled, inflated)
    np.testing.assert_allclose(
        np.einsum("hwc,hwcf->f", raw, found),
        expected,
        rtol=1e-4,
        atol=1e-4 * np.abs(expected).max(),
    )


@pytest.mark.large
def test_two_streams_of_one_or_of_two_backbones(published):
    model = TwoStreamFusion(
        backbone={"rgb": "resnet50_caffe", "flow": "inception_v3"},
        classes=3,
    )
    report = imagenet(model)
    assert [network.name for network in published] == [
        "resnet50",
        "inception_v3",
    ]
    assert report.inflated == (
        "flow_tower/Conv2d_1a_3x3_conv (3 to 20 channels: avg)",
    )
    assert report.missing == (
        "fusion_relu5",
        "spatiotemporal_logits",
        "temporal_logits",
    )
    assert not report.mismatched and not report.unused
    ours = model.get_layer("rgb_tower").get_layer("res4c_branch2b")
    theirs = published[0].get_layer("conv4_block3_2_conv")
    for a, b in zip(weights_of(ours), weights_of(theirs)):
        np.testing.assert_array_equal(a, b)
    assert model.get_layer("rgb_preprocessing").mean == CAFFE_RGB.mean


@pytest.mark.large
def test_towers_that_lie_in_the_network_itself(published):
    model = SpatiotemporalMultiplier(backbone="resnet50_caffe", classes=3)
    before = {path.path: np.array(path) for path in model.weights}
    report = imagenet(model, streams=["flow"])
    assert report.inflated == ("flow_conv1 (3 to 20 channels: avg)",)
    # 52 convolutions but the first, 53 normalizations.
    assert len(report.copied) == 52 + 53
    assert {"flow_res2b_temporal", "flow_logits", "rgb_conv1"} <= {
        *report.missing
    }
    (network,) = published
    ours = model.get_layer("flow_bn5a_branch1")
    theirs = network.get_layer("conv5_block1_0_bn")
    for a, b in zip(weights_of(ours), weights_of(theirs)):
        np.testing.assert_array_equal(a, b)
    for weight in model.weights:
        if weight.path.startswith("rgb_"):
            np.testing.assert_array_equal(before[weight.path], weight)


@pytest.mark.large
def test_fully_connected_layers_only_where_there_are_some(published):
    model = TwoStreamFusion(
        backbone="vgg16",
        classes=3,
        fusion="bilinear",
        include_top=False,
        keep_temporal_tower=False,
    )
    report = imagenet(model, backbone={"rgb": "vgg16", "flow": "vgg16"})
    (network,) = published
    assert "fc1" not in [layer.name for layer in network.layers]
    assert len(report.copied) + len(report.inflated) == 2 * 13
    assert not report.missing and not report.unused


def test_no_weights_for_these_towers():
    with pytest.raises(ValueError, match="Expected towers of .*'vgg16'.*Rece"):
        imagenet(TSN(backbone="tiny", classes=3))
    with pytest.raises(ValueError, match="`vidrec import-weights FILE"):
        imagenet(
            backbones.get("bn_inception", endpoints=["relu2"]),
            backbone="bn_inception",
        )
    tower = backbones.get("resnet50", endpoints=["relu2"])
    before = weights_of(tower)
    with pytest.raises(
        ValueError,
        match="'resnet50_caffe', .*, of 'resnet50'. `vidrec import-wei",
    ):
        imagenet(tower, backbone="resnet50")
    for old, new in zip(before, weights_of(tower)):
        np.testing.assert_array_equal(old, new)


def test_invalid_arguments():
    tower = backbones.get("tiny")
    with pytest.raises(ValueError, match="Received: inflation='max'"):
        imagenet(tower, "max")
    with pytest.raises(ValueError, match="Received: streams='flow'"):
        imagenet(tower, streams="flow", backbone="tiny")
    with pytest.raises(ValueError, match=r"Received: streams=\['flow'\]"):
        imagenet(tower, streams=["flow"], backbone="tiny")
    with pytest.raises(ValueError, match="Expected `backbone`, the name of"):
        imagenet(tower)
    known = {
        name: row.imagenet
        for name, row in backbones.BACKBONES.items()
        if row.imagenet and row.imagenet not in packages.PACKAGES
    }
    assert known == BUILDERS


def test_the_files_are_those_of_keras():
    """By name and MD5, as its own programs ask for them."""
    module = importlib.import_module("keras.src.applications.resnet")
    asked = [(backbone, False) for backbone in BUILDERS] + [("vgg16", True)]
    for backbone, top in asked:
        builder, file = BUILDERS[backbone], published_file(backbone, top)
        name = f"{builder.lower()}_weights_tf_dim_ordering_tf_kernels"
        name = name.replace("inceptionv3", "inception_v3")
        assert file.name == f"{name}{'' if top else '_notop'}.h5"
        (address,) = file.addresses
        if builder.startswith("ResNet"):
            assert address == module.BASE_WEIGHTS_PATH + file.name
            known = module.WEIGHTS_HASHES[builder.lower()]
            assert file.md5 == known[0 if top else 1]
        else:
            theirs = importlib.import_module(
                f"keras.src.applications.{name.split('_weights')[0]}"
            )
            path = theirs.WEIGHTS_PATH if top else theirs.WEIGHTS_PATH_NO_TOP
            assert address == path
            assert file.md5 in inspect.getsource(theirs)


def test_a_machine_that_is_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDREC_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("VIDREC_OFFLINE", "1")
    tower = backbones.get("vgg16", endpoints=["relu2"])
    before = weights_of(tower)
    with pytest.raises(OSError) as told:
        imagenet(tower, backbone="vgg16")
    name = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    md5 = "6d6bbae143d832006294945121d1f1fc"
    address = "https://storage.googleapis.com/tensorflow/keras-applications"
    assert str(told.value).startswith(
        f"Expected {name} (MD5 {md5}) in the cache, as VIDREC_OFFLINE is set. "
        f"Received: no such file. Get it otherwise ({address}/vgg16/{name}) "
        f"and put it at {tmp_path}/weights/md5-{md5[:16]}/{name} or pass "
        "another: `vidrec import-weights FILE ... --out model.keras` puts the"
    )
    assert [*tmp_path.iterdir()] == []
    for old, new in zip(before, weights_of(tower)):
        np.testing.assert_array_equal(old, new)
