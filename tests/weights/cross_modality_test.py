import keras
import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import TSN
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights import cross_modality
from keras_vidrec.weights import pixels
from keras_vidrec.weights.cross_modality import inflate_kernel
from keras_vidrec.weights.towers import layers_by_path

# First convolution of each backbone, and whether it has a bias.
FIRST = {
    "tiny": ("conv1", False),
    "bn_inception": ("conv1_7x7_s2", True),
    "inception_v3": ("Conv2d_1a_3x3_conv", False),
}


def randomize(model, seed):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) for w in model.weights])
    return model


@pytest.fixture(scope="module")
def colors():
    """A network that the tests only read."""
    return randomize(TSN(backbone="tiny", classes=3), 0)


def weights_of(model):
    return {
        path: layer.get_weights()
        for path, layer in layers_by_path(model).items()
    }


def inflated(kernel, channels, mode):
    """Written out channel by channel."""
    colors = [kernel[:, :, i] for i in range(3)]
    mirrored = (0, 1, 2, 2, 1, 0)
    planes = []
    for channel in range(channels):
        if mode == "symmetric":
            planes.append(colors[mirrored[channel % 6]])
        else:
            factor = 3 / channels if mode == "scaled" else 1
            planes.append(factor * (colors[0] + colors[1] + colors[2]) / 3)
    return np.stack(planes, axis=2)


def check_copied(report, source, before, after, first, mode, std=1):
    """Every layer of `after` (by its path in the tower) has its weights from
    `source`, the first convolution inflated, and divided by `std`."""
    assert after.keys() == before.keys() == source.keys()
    for path, weights in after.items():
        expected = list(source[path])
        if path == first:
            kernel = inflated(expected[0], weights[0].shape[2], mode)
            expected[0] = kernel / std
        for one, two in zip(weights, expected, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7)
    assert report.mismatched == report.missing == report.unused == ()
    assert len(report.copied) == len(after) - 1


@pytest.mark.parametrize(
    "mode, modality, std",
    [
        ("avg", "flow", 1),
        ("symmetric", "warped_flow", 1),
        # No layer of the target divides by it, as the source's does.
        ("scaled", "rgb_diff", 127.5),
    ],
)
def test_whole_networks(mode, modality, std, colors):
    source = colors
    target = TSN(backbone="tiny", classes=3, modality=modality)
    randomize(target, 1)
    have, before = weights_of(source), weights_of(target)
    report = cross_modality(source, target, mode, copy_head=True)
    channels = {"rgb_diff": 15}.get(modality, 10)
    assert report.inflated == (
        f"{modality}/conv1 (3 to {channels} channels: {mode})",
    )
    assert f"{modality}/res2a_branch1" in report.copied
    assert "logits" in report.copied
    renamed = {
        path.replace("rgb/", f"{modality}/"): weights
        for path, weights in have.items()
    }
    after = weights_of(target)
    first = f"{modality}/conv1"
    check_copied(report, renamed, before, after, first, mode, std)
    for path, weights in weights_of(source).items():  # it stays as it is
        for one, two in zip(weights, have[path]):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("backbone", ["tiny", "bn_inception", "inception_v3"])
def test_bare_towers_of_every_family(backbone):
    first, has_bias = FIRST[backbone]
    # The stem and what follows at once: the families differ there.
    arguments = {"endpoints": ["relu2"]}
    source = randomize(backbones.get(backbone, name="rgb", **arguments), 0)
    target = backbones.get(backbone, channels=10, name="flow", **arguments)
    before = weights_of(target)
    report = cross_modality(source, target)
    assert report.inflated == (f"{first} (3 to 10 channels: avg)",)
    after = weights_of(target)
    assert len(after[first]) == 1 + has_bias
    check_copied(report, weights_of(source), before, after, first, "avg")


def test_a_bare_tower_starts_a_network_and_the_reverse(colors):
    tower = randomize(backbones.get("tiny"), 0)
    network = randomize(TSN(backbone="tiny", classes=3, modality="flow"), 1)
    head = network.get_layer("logits").get_weights()
    report = cross_modality(tower, network)
    assert report.missing == ("logits",) and report.unused == ()
    np.testing.assert_array_equal(
        network.get_layer("logits").get_weights()[0], head[0]
    )
    flow = backbones.get("tiny", channels=10)
    report = cross_modality(colors, flow)
    assert report.inflated and report.missing == report.unused == ()


def test_a_new_classifier_starts_anew_and_is_told(colors):
    target = randomize(TSN(backbone="tiny", classes=5, modality="flow"), 1)
    head = target.get_layer("logits").get_weights()
    report = cross_modality(colors, target, copy_head=True)
    assert report.mismatched == ("logits [(256, 3), (3,)] to [(256, 5), (5,)]",)
    for one, two in zip(target.get_layer("logits").get_weights(), head):
        np.testing.assert_array_equal(one, two)
    assert "inflated: flow/conv1 (3 to 10 channels: avg); mism" in str(report)


def test_the_head_is_copied_only_when_that_is_asked_for(colors):
    """TSN's programs start it from normal numbers of deviation .001."""
    target = TSN(backbone="tiny", classes=3, modality="flow")
    before = target.get_layer("logits").get_weights()
    report = cross_modality(colors, target)
    assert report.missing == ("logits",) and report.unused == ()
    after = target.get_layer("logits").get_weights()
    np.testing.assert_array_equal(after[0], before[0])
    assert np.std(after[0]) == pytest.approx(1e-3, rel=0.1)
    cross_modality(colors, target, copy_head=True)
    for one, two in zip(
        target.get_layer("logits").get_weights(),
        colors.get_layer("logits").get_weights(),
    ):
        np.testing.assert_array_equal(one, two)


def mine(channels, filters=4):
    """Somebody's network: a model within a model, and padding before it."""
    inputs = keras.Input((16, 16, channels))
    x = keras.layers.Conv2D(filters, 3, name="stem")(inputs)
    inner = keras.Model(inputs, keras.layers.ReLU()(x), name="inner")
    outer_inputs = keras.Input((14, 14, channels))
    x = inner(keras.layers.ZeroPadding2D()(outer_inputs))
    x = keras.layers.BatchNormalization(name="bn")(x)
    x = keras.layers.Conv2D(3, 3, name="second")(x)
    return keras.Model(outer_inputs, x, name="mine")


def test_a_users_model():
    source, target = randomize(mine(3), 0), mine(10)
    before = weights_of(target)
    report = cross_modality(source, target, "scaled")
    check_copied(
        report,
        weights_of(source),
        before,
        weights_of(target),
        "inner/stem",
        "scaled",
    )
    networks = [
        TSN(classes=2, backbone=mine(channels), modality=modality)
        for channels, modality in ((3, "rgb"), (10, "flow"))
    ]
    report = cross_modality(*networks)
    assert report.inflated == ("flow/inner/stem (3 to 10 channels: avg)",)


def test_what_the_modes_do_to_the_response():
    """A gray patch on all channels: `scaled` answers as the colors did,
    `mean` channels / 3 times as much."""
    kernel = np.random.default_rng(0).normal(size=(7, 7, 3, 8))
    colors = kernel.sum(axis=(0, 1, 2))
    for mode, factor in (("scaled", 1), ("avg", 10 / 3)):
        response = inflate_kernel(kernel, 10, mode).sum(axis=(0, 1, 2))
        np.testing.assert_allclose(response, factor * colors)
    kernel = kernel.astype("float32")
    assert inflate_kernel(kernel, 10).dtype == np.float32


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 7, 15, 20])
def test_colors_are_mirrored(channels):
    kernel = np.arange(3.0).reshape(1, 1, 3, 1)
    expected = np.pad(np.arange(3), (0, 20), mode="symmetric")[:channels]
    found = inflate_kernel(kernel, channels, "symmetric")
    np.testing.assert_array_equal(found.ravel(), expected)


def test_differences_of_two_frames_lose_their_colors_too(colors):
    """Three channels as well, but of another meaning."""
    target = TSN(
        backbone="tiny", classes=3, modality="rgb_diff", snippet_length=1
    )
    cross_modality(colors, target)
    kernel = target.get_layer("rgb_diff").get_layer("conv1").get_weights()[0]
    assert np.ptp(kernel, axis=2).max() == 0


@pytest.fixture(scope="module")
def differences():
    """A source, a network and a bare tower of differences: each test changes
    all that the next one looks at."""
    network = TSN(
        backbone="tiny", modality="rgb_diff", include_top=False, pooling=None
    )
    tower = backbones.get("tiny", channels=15, name="rgb_diff", pooling=None)
    return TSN(backbone="tiny", classes=2), network, tower


@pytest.mark.parametrize(
    "mode, scaling",
    [
        ("avg", PixelScaling((104.0, 117.0, 123.0), channel_order="bgr")),
        (
            "symmetric",
            PixelScaling((90.0, 100.0, 110.0), (2.0, 50.0, 255.0), "bgr"),
        ),
        ("scaled", PixelScaling(1.0, (2.0, 50.0, 255.0))),
        (
            "scaled",
            PixelScaling((90.0, 100.0, 110.0), (2.0, 50.0, 255.0), "bgr"),
        ),
    ],
)
def test_differences_are_scaled_as_the_colors(mode, scaling, differences):
    """The network finds in raw frames what a bare tower, which scales
    nothing, finds in differences of frames as the source has them."""
    source, network, tower = differences
    pixels.scale_pixels(source, {"rgb": scaling})
    cross_modality(source, network, mode)
    cross_modality(source, tower, mode)
    frames = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 6, 3))
    scaled = frames[..., ::-1] if scaling.channel_order == "bgr" else frames
    scaled = (scaled - np.array(scaling.mean)) / np.array(scaling.std)
    clips = frames.reshape(2, 1, 32, 32, 18).astype("uint8")
    differences = np.diff(scaled, axis=3).reshape(2, 32, 32, 15)
    expected = keras.ops.convert_to_numpy(tower(differences.astype("float32")))
    found = keras.ops.convert_to_numpy(network(clips)).reshape(expected.shape)
    assert np.ptp(expected) > 0
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=atol)


def test_differences_of_frames_without_a_known_scaling():
    """Neither of a bare tower nor of a network of scaled pixels."""
    target = TSN(backbone="tiny", classes=2, modality="rgb_diff")
    for source in (
        randomize(backbones.get("tiny", name="rgb"), 0),
        randomize(
            TSN(backbone="tiny", classes=2, include_preprocessing=False), 1
        ),
    ):
        cross_modality(source, target)
        (have,) = [
            weights[0]
            for path, weights in weights_of(source).items()
            if path in ("conv1", "rgb/conv1")
        ]
        found = weights_of(target)["rgb_diff/conv1"][0]
        np.testing.assert_allclose(
            found, inflated(have, 15, "avg"), rtol=1e-5, atol=1e-6
        )


def two_towers():
    inputs = {name: keras.Input((8, 8, 3), name=name) for name in "ab"}
    towers = [
        keras.Sequential(
            [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)], name=name
        )
        for name in ("rgb", "flow")
    ]
    outputs = [tower(x) for tower, x in zip(towers, inputs.values())]
    return keras.Model(inputs, outputs, name="two")


def several_inputs():
    inputs = {name: keras.Input((8, 8, 3), name=name) for name in "ab"}
    outputs = [keras.layers.Conv2D(2, 3)(x) for x in inputs.values()]
    return keras.Model(inputs, outputs, name="several")


def tiny(channels):
    return backbones.get("tiny", channels=channels)


def dense():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])


@pytest.mark.parametrize(
    "source, target, mode, message",
    [
        ((mine, 3), (mine, 10), "average", "Received: mode='average'"),
        ((mine, 10), (mine, 3), "avg", r"three colors.*\(3, 3, 10, 4\)"),
        ((mine, 3), (mine, 10, 8), "avg", r"'mine'.*stem.*\(3, 3, 10, 8\)"),
        (
            (mine, 3),
            (two_towers,),
            "avg",
            r"target='two' of \('rgb', 'flow'\)",
        ),
        (
            (mine, 3),
            (tiny, 10),
            "avg",
            "'conv1' has .*; 'inner/stem' of the source has",
        ),
        ((several_inputs,), (mine, 10), "avg", "of the same architecture"),
        ((mine, 3), (several_inputs,), "avg", "of the same architecture"),
        ((dense,), (mine, 10), "avg", "begin with a 2-D convolution"),
    ],
)
def test_what_does_not_fit_changes_nothing(source, target, mode, message):
    source, target = (
        build(*arguments) for build, *arguments in (source, target)
    )
    before = weights_of(target)
    with pytest.raises(ValueError, match=message):
        cross_modality(source, target, mode)
    for path, weights in weights_of(target).items():
        for one, two in zip(weights, before[path], strict=True):
            np.testing.assert_array_equal(one, two)
