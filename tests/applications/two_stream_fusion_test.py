import math

import keras
import numpy as np
import pytest
from keras import ops

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.layers import TemporalMaxPooling
from keras_vidrec.specs import ClipSpec
from keras_vidrec.weights.towers import layers_by_path
from tests.applications import joined_streams
from tests.applications.joined_streams import CHANNELS
from tests.applications.joined_streams import CLASSES
from tests.applications.joined_streams import SMALL
from tests.applications.joined_streams import call
from tests.applications.joined_streams import clips
from tests.applications.joined_streams import softmax
from tests.applications.joined_streams import wake
from tests.applications.joined_streams import without_values
from tests.applications.own_towers import own_towers

NUM_CHUNKS = 3


def small(**arguments):
    return TwoStreamFusion(
        **{**SMALL, "num_segments": NUM_CHUNKS, "dropout": 0.0, **arguments}
    )


def own(**arguments):
    """With towers of three layers."""
    return small(backbone=own_towers(rgb=3, flow=4), **arguments)


def parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_variables)


VGG_M = {"backbone": "vgg_m_2048"}
ONE = {"keep_temporal_tower": False}

# Weights of layers of VGG-M-2048, and of its fusions by a 1x1 convolution.
CONV3 = 9 * 256 * 512 + 512
CONV5 = 9 * 512 * 512 + 512  # and conv4
FC6 = 36 * 512 * 4096 + 4096
FC7 = 4096 * 2048 + 2048
FC8 = 2048 * 101 + 101
FUSION2 = 512 * 256 + 256
FUSION5 = 1024 * 512 + 512  # and of relu3 and relu4
PARAMETERS = [
    ({"fusion": "sum", **ONE}, 97_236_421),
    ({"fusion": "max", **ONE}, 97_236_421),
    ({"fusion": "conv", **ONE}, 97_761_221),
    # fc6 sees both streams' channels.
    ({"fusion": "concat", **ONE}, 97_236_421 + 6 * 6 * 512 * 4096),
    # 3 x 3 x 3 times the kernel, the same bias.
    ({"fusion": "conv3d", **ONE}, 97_761_221 + 26 * 1024 * 512),
    # Both towers to relu5, and a linear classifier of all pairs.
    (
        {"fusion": "bilinear", **ONE},
        97_236_421 - FC6 - FC7 - FC8 + 512 * 512 * 101 + 101,
    ),
    ({"fusion_layer": "softmax"}, 181_335_594),
    ({"fusion": "sum"}, 181_335_594),
    ({"fusion": "conv", "fusion_layer": "relu4", **ONE}, 97_761_221 - CONV5),
    (
        {"fusion": "conv", "fusion_layer": "relu3", **ONE},
        97_761_221 - 2 * CONV5,
    ),
    (
        {"fusion": "conv", "fusion_layer": "relu2", **ONE},
        97_761_221 - 2 * CONV5 - CONV3 - FUSION5 + FUSION2,
    ),
    ({"fusion": "sum", "fusion_layer": "fc8", **ONE}, 181_335_594),
    (
        {"fusion": "conv", "fusion_layer": ("relu5", "fc8"), **ONE},
        181_335_594 + FUSION5 + 202 * 101 + 101,
    ),
    # The flow tower ends at fc6.
    (
        {"fusion": "conv", "fusion_layer": ("relu3", "relu5", "fc6"), **ONE},
        181_335_594 - FC7 - FC8 + 2 * FUSION5 + 8192 * 4096 + 4096,
    ),
]


def test_parameters_of_the_paper():
    """VGG-M-2048 of 3 and 20 channels, 101 classes."""
    for arguments, expected in PARAMETERS:
        model = without_values(TwoStreamFusion, **VGG_M, **arguments)
        assert parameters(model) == expected, arguments


def test_parameters_of_single_streams():
    for backbone, expected in (
        ("vgg16", 134_674_341),
        ("googlenet", 6_077_077),
    ):
        assert parameters(without_values(TSN, backbone=backbone)) == expected


def test_parameters_of_a_small_one():
    """From the formulas, for 3 and 4 channels and three classes."""
    tower = {
        stream: parameters(
            without_values(
                TSN,
                backbone="tiny",
                modality=stream,
                snippet_length={"rgb": 1, "flow": 2}[stream],
                classes=CLASSES,
            )
        )
        for stream in ("rgb", "flow")
    }
    head = 256 * CLASSES + CLASSES
    for fusion, more, kept in (
        ("conv3d", 27 * 2 * 256 * 256 + 256, False),
        ("bilinear", (256 * 256 - 256) * CLASSES, True),
    ):
        model = without_values(small, fusion=fusion, keep_temporal_tower=kept)
        expected = sum(tower.values()) + more - head * (not kept)
        assert parameters(model) == expected, fusion


def test_truncated_tower_ends_where_it_is_fused():
    for place in ("relu3", "relu5"):
        model = without_values(
            small,
            fusion="sum",
            fusion_layer=place,
            keep_temporal_tower=False,
            auxiliary_outputs=True,
        )
        names = [layer.name for layer in model.layers]
        assert not [n for n in names if n.startswith("temporal")]
        assert (
            model.get_layer("flow_tower").layers[-1].name
            == ({"relu3": "res3b_relu", "relu5": "res5b_relu"}[place])
        )
        # There is one tower, and nothing but its predictions.
        assert model.output.shape == (None, CLASSES)


def test_maximum_over_time_then_space_is_that_over_both():
    """MaxPooling3D of T x 2 x 2, stride 2, as the paper has it."""
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 8, 3)).astype("float32")
    for num_segments in (3, 5):
        over_time = TemporalMaxPooling(num_segments, strides=2)(x)
        shape = over_time.shape
        pooled = keras.layers.MaxPooling2D(2, 2)(
            ops.reshape(over_time, (-1, *shape[2:]))
        )
        expected = keras.layers.MaxPooling3D((num_segments, 2, 2), 2)(x)
        np.testing.assert_array_equal(
            ops.convert_to_numpy(pooled).reshape(expected.shape),
            ops.convert_to_numpy(expected),
        )


def test_vgg_pools_over_time_before_its_own_pooling():
    """With pool5 of the tower behind it, and nothing between."""
    model = without_values(TwoStreamFusion, fusion="sum")
    for tower in ("spatiotemporal", "temporal"):
        part = model.get_layer(f"{tower}_from_relu5")
        assert [layer.name for layer in part.layers[1:3]] == ["pool5", "fc6"]
        pooling = model.get_layer(f"{tower}_pool_time")
        assert (pooling.pool_size, pooling.strides) == (5, 2)
        fold = model.get_layer(f"{tower}_from_relu5_fold")
        assert fold.input is pooling.output
        assert pooling.output.shape[2:] == (None, None, 512)
    assert model.get_layer("temporal_pool_time").input is (
        model.get_layer("flow_tower_unfold").output
    )


@pytest.mark.large_on_jax
def test_fusions_at_their_start():
    """A convolution of identities is the sum, of maps and of scores."""
    models = {
        fusion: own(fusion=fusion, fusion_layer=("last", "fc8"))
        for fusion in ("sum", "conv")
    }
    wake(models["sum"])
    weights = layers_by_path(models["sum"])
    for path, layer in layers_by_path(models["conv"]).items():
        if not path.startswith("fusion_"):
            layer.set_weights(weights[path].get_weights())
    pixels = clips()
    expected = call(models["sum"], pixels)
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(
        call(models["conv"], pixels), expected, atol=1e-6
    )
    random = without_values(
        small, fusion="conv", fusion_initialization="random"
    )
    layer = random.get_layer("fusion_relu5")
    assert (layer.initialization, layer.activation) == ("random", "relu")


@pytest.mark.large_on_jax
def test_any_number_of_chunks_and_any_size():
    model = wake(small(fusion="sum", num_segments=5))
    maps = small(fusion="sum", num_segments=5, include_top=False)
    joined_streams.copy(model, maps)
    for stream, channels in CHANNELS.items():
        shape = model.input[stream].shape
        assert shape == (None, None, None, None, channels)
    for num_segments, times, size, side in (
        (3, 1, 80, 3),
        (25, 11, 32, 1),
    ):
        pixels = clips(1, num_segments, size)
        found = call(maps, pixels)
        logits = []
        for tower in ("spatiotemporal", "temporal"):
            assert found[tower].shape == (1, times, side, side, 256)
            kernel, bias = model.get_layer(f"{tower}_logits").get_weights()
            # Of every position and time, averaged.
            logits.append((found[tower] @ kernel + bias).mean((1, 2, 3)))
        np.testing.assert_allclose(
            call(model, pixels), softmax(sum(logits) / 2), atol=1e-5
        )


@pytest.mark.large_on_jax
def test_auxiliary_outputs():
    model = wake(
        own(
            auxiliary_outputs=True,
            fusion_layer="last",
            fusion_weights={"spatiotemporal": 2, "temporal": 0.5},
        )
    )
    assert list(model.output) == ["predictions", "spatiotemporal", "temporal"]
    pixels = clips()
    logits = clip_logits_model(model)
    outputs, found = call(model, pixels), call(logits, pixels)
    np.testing.assert_allclose(
        found["predictions"],
        0.8 * found["spatiotemporal"] + 0.2 * found["temporal"],
        atol=1e-6,
    )
    for key in outputs:
        np.testing.assert_allclose(outputs[key], softmax(found[key]), atol=1e-6)
    alone = keras_vidrec.training.inference_model(model)
    np.testing.assert_allclose(
        call(alone, pixels), outputs["predictions"], atol=1e-6
    )


def test_clip_spec():
    model = without_values(
        small,
        snippet_length=10,
        num_segments=7,
        input_shape={"rgb": (None, 64, 48, 3), "flow": (None, 64, 48, 20)},
    )
    assert keras_vidrec.describe(model).clip_spec == ClipSpec(
        modalities=("rgb", "flow"),
        num_segments=7,
        snippet_length=10,
        alignment="centered",
        stride=(1, 10),
        sampling="chunks",
        size=64,
        ordered=True,
    )


def one_stream(stream, **arguments):
    length = {"rgb": 1, "flow": 2}[stream]
    return wake(
        TSN(
            **{
                "backbone": own_towers(**{stream: CHANNELS[stream]})[stream],
                "classes": CLASSES,
                "modality": stream,
                "snippet_length": length,
                **arguments,
            }
        ),
        seed=length,
    )


@pytest.mark.large_on_jax
def test_from_two_streams_late_fusion_is_theirs(caplog):
    streams = {stream: one_stream(stream) for stream in ("rgb", "flow")}
    pixels = clips()
    expected = call(LateFusion(streams), pixels)
    assert np.ptp(expected) > 0.05
    model = own(
        fusion_layer="softmax",
        temporal_pooling=None,
        from_streams=tuple(streams.values()),
    )
    np.testing.assert_allclose(call(model, pixels), expected, atol=1e-5)
    assert "Initialized from two streams: " in caplog.text
    assert "missing" not in caplog.text and "unused" not in caplog.text


def test_from_streams_of_the_wrong_kind():
    rgb, flow = (
        without_values(
            TSN,
            backbone="tiny",
            modality=stream,
            snippet_length=length,
            classes=CLASSES,
        )
        for stream, length in (("rgb", 1), ("flow", 2))
    )
    for wrong, message in (
        (rgb, "pair .*from_streams=<"),
        ((rgb,), "pair .*from_streams="),
        ((rgb, None), "pair .*from_streams="),
        ({"rgb": rgb, "flow": flow}, "pair .*from_streams="),
        ((flow, rgb), "one tower, of rgb"),
        ((rgb, rgb), "one tower, of flow"),
    ):
        with pytest.raises(ValueError, match=message):
            without_values(small, fusion="sum", from_streams=wrong)


@pytest.mark.large
def test_weights_file_and_another_tensor(tmp_path):
    model = wake(small(fusion="max"))
    model.save_weights(tmp_path / "model.weights.h5")
    pixels = {
        stream: keras.Input((None, 32, 32, channels), name=stream)
        for stream, channels in CHANNELS.items()
    }
    inverted = {
        stream: keras.layers.Rescaling(-1, 255, name=f"{stream}_inverted")(x)
        for stream, x in pixels.items()
    }
    other = small(
        fusion="max",
        input_tensor=inverted,
        weights=str(tmp_path / "model.weights.h5"),
    )
    shown = clips()
    np.testing.assert_allclose(
        call(other, {s: 255.0 - x for s, x in shown.items()}),
        call(model, shown),
        atol=1e-6,
    )


@pytest.mark.large
def test_preprocessing_is_part_of_the_model():
    raw = wake(small(fusion="sum", include_top=False, pooling="max"))
    bare = small(
        fusion="sum",
        include_top=False,
        pooling="max",
        include_preprocessing=False,
    )
    bare.set_weights(raw.get_weights())
    found = call(bare, joined_streams.scaled(clips()))
    for tower, features in call(raw, clips()).items():
        assert features.shape == (2, 1, 256)
        np.testing.assert_allclose(found[tower], features, atol=1e-4)


def test_maps_of_slightly_different_size():
    """VGG-M's 13 x 13 under VGG-16's 14 x 14, and the other way round."""
    shapes = {"rgb": (5, 224, 224, 3), "flow": (5, 224, 224, 20)}
    for backbones in (("vgg16", "vgg_m_2048"), ("vgg_m_2048", "vgg16")):
        model = without_values(
            TwoStreamFusion,
            backbone=dict(zip(("rgb", "flow"), backbones)),
            input_shape=shapes,
        )
        assert model.get_layer("fusion_relu5").output.shape[2:4] == (14, 14)
        assert model.output.shape == (None, 101)


def test_mixed_precision_keeps_the_head_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = without_values(
        small, fusion="conv", fusion_layer=("relu5", "fc8"), classes=4
    )
    for name in (
        "spatiotemporal_logits",
        "fusion_fc8",
        "spatiotemporal_consensus",
        "score_fusion",
        "predictions",
    ):
        assert model.get_layer(name).output.dtype == "float32", name
    assert model.get_layer("fusion_relu5").output.dtype == "bfloat16"


INVALID = [
    ({"fusion": "mean"}, "fusion='mean'"),
    (
        {"fusion_weights": {"rgb": 1, "flow": 3}},
        r"\('spatiotemporal', 'temporal'\)\. Received.*'flow': 3",
    ),
    (
        {"keep_temporal_tower": False, "fusion_weights": {"spatiotemporal": 1}},
        "there is a single classifier",
    ),
    ({"fusion_layer": "relu1"}, "fusion_layer='relu1'"),
    ({"fusion_layer": ()}, r"fusion_layer=\(\)"),
    ({"fusion_layer": None}, "fusion_layer=None"),
    ({"fusion_layer": ("relu5", "relu3")}, r"'relu5', 'relu3'\)"),
    ({"fusion_layer": ("relu5", "relu5")}, r"'relu5', 'relu5'\)"),
    ({"fusion_layer": ("relu5", "softmax")}, "first seven"),
    ({"fusion_layer": ("relu5", "fc9")}, "first seven"),
    ({"fusion": "bilinear", "fusion_layer": "fc6"}, "fc6 has none"),
    ({"fusion": "conv3d", "fusion_layer": ("relu5", "fc8")}, "fc8 has"),
    (
        {"fusion": "bilinear", "fusion_layer": ("relu3", "relu5")},
        "single endpoint",
    ),
    ({"fusion": "concat", "fusion_layer": "fc8"}, "At fc8.*'concat'"),
    (
        {"fusion": "sum", "fusion_layer": "fc8", "include_top": False},
        "At fc8.*include_top=False",
    ),
    ({"fusion_layer": "softmax", **ONE}, "keep_temporal_tower=False"),
    ({"fusion_initialization": "zeros"}, "fusion_initialization='zeros'"),
    ({"fusion_initialization": "random"}, "fusion='conv3d'"),
    ({"temporal_pooling": "1d"}, "temporal_pooling='1d'"),
    ({"temporal_pooling": "avg"}, "temporal_pooling='avg'"),
    ({"backbone": "resnet18"}, "Received: backbone='resnet18'"),
    (
        {"backbone": keras.Sequential(), "fusion_layer": "end"},
        "Expected a functional",
    ),
    ({"fusion": "sum", "fusion_layer": "fc6"}, "'tiny' has no endpoint 'fc6'"),
    ({"classes": 0}, "classes=0"),
    ({"dropout": 1.0}, "dropout=1.0"),
    ({"num_segments": 0}, "num_segments=0"),
    ({"snippet_length": 0}, "snippet_length=0"),
    ({"weights": "nonsense"}, "weights='nonsense'"),
    ({"pooling": "mean"}, "pooling='mean'"),
    ({"input_shape": (5, 32, 32, 3)}, r"input_shape=\(5, 32"),
    ({"input_shape": {"rgb": (5, 32, 32, 3)}}, "input_shape=.'rgb'"),
    ({"input_shape": {"rgb": (32,), "flow": (32,)}}, r"input_shape=\(32"),
    (
        {"input_shape": {"rgb": (5, 32, 32, 3), "flow": (5, 32, 32, 3)}},
        "channels=4",
    ),
    (
        {"input_shape": {"rgb": (5, 32, 32, 3), "flow": (3, 32, 32, 4)}},
        r"'rgb': \(5, 32, 32\), 'flow': \(3",
    ),
    ({"input_tensor": 3}, "input_tensor=3"),
]


def test_invalid_arguments():
    for arguments, message in INVALID:
        with pytest.raises(ValueError, match=message):
            without_values(small, **arguments)


def test_inception_is_fused_between_its_stages():
    network = without_values(
        small, backbone="bn_inception", fusion="sum", fusion_layer="relu4"
    )
    part = network.get_layer("spatiotemporal_from_relu4")
    assert part.layers[1].name.startswith("inception_4e")
    with pytest.raises(
        ValueError, match="'bn_inception' has no endpoint 'fc6'"
    ):
        without_values(
            small, backbone="bn_inception", fusion="sum", fusion_layer="fc6"
        )
