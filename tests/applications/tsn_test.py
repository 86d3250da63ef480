import keras
import numpy as np
import pytest
from keras import ops
from numpy.lib.stride_tricks import sliding_window_view

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import snippet_logits_model
from keras_vidrec.evaluation.scorers.scorer import SnippetScorer
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FrameSpec
from tests.applications.joined_streams import call
from tests.applications.joined_streams import without_values
from tests.applications.own_towers import own_towers

CLASSES = 4


def clips(num_segments=3, channels=3, batch=2, size=32):
    rng = np.random.default_rng(0)
    shape = (batch, num_segments, size, size, channels)
    return rng.integers(0, 256, shape, "uint8")


def tiny(**arguments):
    return TSN(**{"backbone": "tiny", "classes": CLASSES, **arguments})


def own(modality="rgb", **arguments):
    """With a tower of three layers."""
    towers = own_towers(rgb=3, rgb_diff=15)
    return tiny(modality=modality, backbone=towers[modality], **arguments)


def wake(model):
    """Logits of a few units instead of nearly equal ones (std 0.001)."""
    layer = model.get_layer("logits")
    rng = np.random.default_rng(1)
    layer.set_weights(
        [rng.normal(0, 0.05, w.shape) for w in layer.get_weights()]
    )
    return model


@pytest.fixture(scope="module")
def network():
    """For tests that only read it."""
    return wake(tiny())


@pytest.mark.parametrize(
    "modality, expected", [("rgb", 10_373_765), ("flow", 10_395_717)]
)
def test_parameters_of_the_paper(modality, expected):
    model = without_values(TSN, modality=modality)
    counts = [np.prod(weight.shape) for weight in model.trainable_weights]
    assert sum(map(int, counts)) == expected


@pytest.mark.parametrize(
    "arguments, channels",
    [
        ({"modality": "rgb_diff", "include_preprocessing": False}, 15),
        ({"modality": "warped_flow", "snippet_length": 10}, 20),
    ],
)
def test_input_of_each_modality(arguments, channels):
    model = tiny(**arguments)
    assert model.input_shape == (None, None, None, None, channels)
    scores = call(model, clips(channels=channels))
    assert scores.shape == (2, CLASSES)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_average_consensus_acts_on_logits(network):
    video = clips(num_segments=5)
    logits = call(snippet_logits_model(network), video)
    assert logits.shape == (2, 5, CLASSES)
    mean = logits.mean(axis=1)
    exponentials = np.exp(mean - mean.max(axis=1, keepdims=True))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(call(network, video), expected, atol=1e-5)
    np.testing.assert_allclose(
        call(clip_logits_model(network), video), mean, atol=1e-5
    )


def test_every_segment_is_seen_by_the_same_network(network):
    model = snippet_logits_model(network)
    video = clips(num_segments=4)
    alone = [call(model, video[:, k : k + 1])[:, 0] for k in range(4)]
    together = call(model, video)
    np.testing.assert_allclose(together, np.stack(alone, 1), atol=1e-5)


def test_preprocessing_is_part_of_the_model():
    """Raw pixels through the model equal scaled ones through the same network
    without preprocessing; rgb_diff makes its differences itself."""
    for build, modality, channels, prepare in (
        (tiny, "rgb", 3, lambda x: x / 127.5 - 1),
        (own, "rgb_diff", 18, lambda x: x[..., 3:] - x[..., :-3]),
    ):
        raw = wake(build(modality=modality))
        assert raw.input_shape == (None, None, None, None, channels)
        bare = build(modality=modality, include_preprocessing=False)
        bare.set_weights(raw.get_weights())
        pixels = clips(channels=channels)
        np.testing.assert_allclose(
            call(bare, prepare(pixels.astype("float32"))),
            call(raw, pixels),
            atol=1e-5,
        )


def test_without_top():
    video = clips(size=40)
    maps = own(include_top=False)
    features = call(maps, video)
    assert features.ndim == 5 and features.shape[:2] == (2, 3)
    for pooling, reduce in (("avg", np.mean), ("max", np.max)):
        pooled = own(include_top=False, pooling=pooling)
        pooled.set_weights(maps.get_weights())
        np.testing.assert_allclose(
            call(pooled, video),
            reduce(features, axis=(2, 3)),
            rtol=1e-5,
            atol=1e-5,
        )


# The mean, below through `fit`.
@pytest.mark.parametrize("consensus", ["weighted", "top_k"])
def test_gradients_reach_every_weight(consensus):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("reads gradients with tf.GradientTape")
    import tensorflow as tf

    model = wake(tiny(num_segments=3, consensus=consensus, modality="flow"))
    with tf.GradientTape() as tape:
        scores = model(clips(channels=10), training=True)
        loss = keras.losses.SparseCategoricalCrossentropy()(
            np.array([0, 1]), scores
        )
    weights = model.trainable_weights
    for weight, gradient in zip(weights, tape.gradient(loss, weights)):
        assert gradient is not None, weight.path
        assert np.abs(gradient).max() > 0, weight.path


def test_training_changes_every_weight():
    """What the gradient test says, on any backend, through `fit`."""
    model = wake(tiny())
    model.compile(
        keras.optimizers.SGD(0.1),
        "sparse_categorical_crossentropy",
        run_eagerly=True,
    )
    before = [w.copy() for w in model.get_weights()]
    model.fit(clips(batch=4), np.arange(4), verbose=0)
    for weight, old in zip(model.weights, before):
        new = ops.convert_to_numpy(weight)
        assert np.isfinite(new).all(), weight.path
        assert np.abs(new - old).max() > 0, weight.path


def test_saved_again_and_again(tmp_path):
    model = wake(own(modality="rgb_diff", num_segments=7))
    model.get_layer("predictions").class_names = "abcd"
    video = clips(num_segments=7, channels=18)
    expected = call(model, video)
    for _ in range(2):
        model.save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(call(model, video), expected, atol=1e-6)
    description = keras_vidrec.describe(model)
    assert description.class_names == ("a", "b", "c", "d")
    assert description.clip_spec == ClipSpec(
        modalities=("rgb_diff",),
        num_segments=7,
        snippet_length=5,
        frame=FrameSpec("340x256"),
    )


def test_weights_file(tmp_path):
    model = wake(own())
    model.save_weights(tmp_path / "tsn.weights.h5")
    copy = own(weights=str(tmp_path / "tsn.weights.h5"))
    np.testing.assert_array_equal(call(copy, clips()), call(model, clips()))


def test_on_another_tensor():
    pixels = keras.Input((3, 32, 32, 3), name="pixels")
    inverted = keras.layers.Rescaling(-1, 255, name="invert")(pixels)
    model = tiny(input_tensor=inverted, num_segments=3)
    assert model.input.name == "pixels"
    assert model.get_layer("invert") is not None
    assert call(model, clips()).shape == (2, CLASSES)


def test_any_model_as_backbone():
    frames = keras.Input((None, None, 10))
    maps = keras.layers.Conv2D(8, 3, activation="relu")(frames)
    backbone = keras.Model(frames, maps)
    model = tiny(backbone=backbone, modality="flow")
    assert not [x for x in model.layers if x.name == "preprocessing"]
    assert model.predict(clips(channels=10), verbose=0).shape == (2, CLASSES)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_the_head_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    float16 = policy == "mixed_float16"
    model = tiny() if float16 else without_values(tiny)
    assert model.get_layer("rgb").output.dtype == policy[len("mixed_") :]
    for name in ("logits", "consensus", "predictions"):
        assert model.get_layer(name).output.dtype == "float32"
    if not float16:
        return  # nothing else differs
    scores = call(model, clips())
    assert scores.dtype == np.float32 and np.isfinite(scores).all()


@pytest.mark.large  # this package's own export is tested in tests/export
@pytest.mark.tensorflow_only
def test_export_serves_the_same(network, tmp_path):
    model = network
    model.export(tmp_path / "saved_model", verbose=False)
    served = keras.layers.TFSMLayer(tmp_path / "saved_model", "serve")
    for num_segments, size in ((3, 32), (5, 48)):
        video = clips(num_segments, size=size).astype("float32")
        np.testing.assert_allclose(
            ops.convert_to_numpy(served(video)),
            call(model, video),
            atol=1e-5,
        )


@pytest.mark.large
@pytest.mark.tensorflow_only
def test_two_devices_train_like_one(tmp_path):
    import tensorflow as tf

    from keras_vidrec.training.devices import distribution
    from keras_vidrec.training.recipes.sections import Optimizer

    weights = []
    video, labels = clips(batch=4), np.array([0, 1, 2, 3])
    for chosen in ("none", "mirrored"):
        keras.utils.set_random_seed(0)
        devices = distribution.choose(chosen)
        with devices.scope():
            model = tiny(dropout=0.0)
            devices.prepare(model, Optimizer(batch_size=4))
            model.compile(
                keras.optimizers.SGD(1e-3, momentum=0.9),
                "sparse_categorical_crossentropy",
            )
        start = {w.path: ops.convert_to_numpy(w) for w in model.weights}
        data = tf.data.Dataset.from_tensor_slices((video, labels)).batch(4)
        model.fit(data, epochs=2, verbose=0, shuffle=False)
        weights.append({w.path: ops.convert_to_numpy(w) for w in model.weights})
        model.save(tmp_path / "model.keras")
        saved = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(
            call(saved, video),
            call(model, video),
            atol=1e-6,
        )
    one, two = weights
    for path in one:
        # Synchronized statistics are E[x x] - E[x] E[x]: less exact.
        tolerance = 1e-4 if "moving_variance" in path else 1e-5
        np.testing.assert_allclose(one[path], two[path], 0, tolerance, path)
    assert max(np.abs(one[path] - start[path]).max() for path in one) > 1e-3


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"modality": "depth"}, "modality='depth'"),
        ({"snippet_length": 5}, "snippet_length=5"),
        ({"consensus": "median"}, "Invalid `consensus`.*='median'"),
        ({"consensus": "weighted"}, "num_segments=None"),
        ({"dropout": 1}, "dropout=1"),
        ({"classes": 0}, "classes=0"),
        ({"classifier_activation": "relu"}, "classifier_activation='relu'"),
        ({"pooling": "mean"}, "pooling='mean'"),
        ({"weights": "nonsense"}, "weights='nonsense'"),
        ({"backbone": "resnet18"}, "Received: backbone='resnet18'"),
        (
            {"input_shape": (32, 32, 3)},
            r"a tuple \(num_segments, .*input_shape=\(32, 32, 3\)",
        ),
        ({"input_shape": (3, 32, 32, 10)}, "channels=3"),
        (
            {"input_shape": (3, 32, 32, 3), "num_segments": 5},
            "num_segments=5",
        ),
        ({"input_tensor": np.zeros((1, 3, 32, 32, 3))}, "input_tensor="),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        without_values(tiny, **arguments)


@pytest.mark.parametrize("stddev", [None, 0.01])
def test_the_classifier_starts_small(stddev):
    given = {} if stddev is None else {"classifier_stddev": stddev}
    model = tiny(classes=400, **given)
    kernel, bias = model.get_layer("logits").get_weights()
    assert np.std(kernel) == pytest.approx(stddev or 0.001, rel=0.03)
    assert abs(np.mean(kernel)) < np.std(kernel) / 20
    assert not bias.any()


def test_spatial_pooling():
    """The mean of the logits at all positions of the window, in the network
    and so wherever it is asked; of maps of its size just the mean."""
    video = clips(batch=1, size=96)[..., :80, :]
    model = wake(tiny(spatial_pooling=2))
    tower = model.get_layer("rgb")
    maps = keras.Model(tower.input, tower.get_layer("features").input)
    seen = call(maps, call(model.get_layer("preprocessing"), video[0]))
    assert seen.shape[1:3] == (6, 5)
    windows = sliding_window_view(seen, (2, 2), axis=(1, 2))
    kernel, bias = model.get_layer("logits").get_weights()
    positions = windows.mean(axis=(-2, -1)) @ kernel + bias
    expected = positions.mean(axis=(1, 2))
    (found,) = call(snippet_logits_model(model), video)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    whole = seen.mean(axis=(1, 2)) @ kernel + bias
    assert np.abs(found - whole).max() > 1e-2
    scores = SnippetScorer(model)(video[0])
    np.testing.assert_allclose(scores, expected.mean(0), rtol=1e-4, atol=1e-5)
    assert keras_vidrec.describe(model).blueprint.arguments == {
        "backbone": "tiny",
        "classes": CLASSES,
        "spatial_pooling": 2,
    }


def test_spatial_pooling_needs_maps():
    features = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()]
    )
    for arguments in (
        {"spatial_pooling": 0},
        {"backbone": features, "spatial_pooling": 2},
    ):
        with pytest.raises(ValueError, match="`spatial_pooling`. Expected"):
            without_values(tiny, **arguments)
