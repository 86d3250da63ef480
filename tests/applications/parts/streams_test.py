"""What the three networks over features have in common."""

import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.stfn import STFN
from keras_vidrec.applications.temporal_inception import TemporalInception
from keras_vidrec.applications.tslstm import TSLSTM
from tests.applications import feature_networks
from tests.applications import joined_streams
from tests.applications.feature_networks import CLASSES
from tests.applications.feature_networks import SMALL

# By name: the builder, small arguments, and how many steps it is trained with.
NETWORKS = {
    "ts_lstm": (TSLSTM, {"units": (8,)}, 25),
    "temporal_inception": (TemporalInception, {"fc_units": 12}, 25),
    "stfn": (STFN, {}, 7),
}


def build(network, **arguments):
    builder, small, _ = NETWORKS[network]
    return builder(**{**SMALL, **small, **arguments})


@pytest.fixture(params=NETWORKS)
def network(request):
    return request.param


@pytest.fixture
def inputs(network):
    return feature_networks.features(NETWORKS[network][2])


def test_saved_and_described(network, inputs, tmp_path):
    model = joined_streams.wake(build(network))
    assert model.name == network
    model.get_layer("predictions").class_names = "abcde"
    expected = joined_streams.call(model, inputs)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        joined_streams.call(loaded, inputs), expected, atol=1e-6
    )
    description = keras_vidrec.describe(loaded)
    assert description.class_names == tuple("abcde")
    assert description.clip_spec.ordered
    assert description.clip_spec.num_segments == NETWORKS[network][2]
    copy = build(network, weights=str(tmp_path / "model.weights.h5"))
    np.testing.assert_allclose(
        joined_streams.call(copy, inputs), expected, atol=1e-6
    )


def test_one_stream(network, inputs):
    for stream, length in (("rgb", 1), ("flow", 10)):
        model = build(network, streams=[stream])
        assert model.input.name == stream
        assert model(inputs[stream]).shape == (3, CLASSES)
        spec = keras_vidrec.describe(model).clip_spec
        assert spec.modalities == (stream,)
        assert spec.snippet_length == length


@pytest.mark.large_on_jax
def test_inputs_of_the_user(network, inputs):
    steps = NETWORKS[network][2]
    shapes = {"rgb": (steps, 8), "flow": (None, 8)}
    model = build(network, input_shape=shapes)
    assert model.input["rgb"].shape == (None, steps, 8)
    tensors = {
        stream: keras.Input((steps, 16), name=stream) for stream in inputs
    }
    doubled = {stream: 2 * x for stream, x in tensors.items()}
    on_tensors = build(network, input_tensor=doubled)
    bare = build(network)
    bare.set_weights(on_tensors.get_weights())
    np.testing.assert_allclose(
        joined_streams.call(on_tensors, inputs),
        joined_streams.call(bare, {s: 2 * x for s, x in inputs.items()}),
        atol=1e-6,
    )
    shape = (steps, 12)
    model = build(network, streams=("rgb",), input_shape=shape)
    assert model.input.shape == (None, *shape)


@pytest.mark.parametrize("name", ["ts_lstm", "temporal_inception"])
def test_streams_may_have_features_of_their_own(name):
    shapes = {"rgb": (25, 8), "flow": (25, 12)}
    model = build(name, input_shape=shapes)
    inputs = feature_networks.features()
    inputs = {s: x[..., : shapes[s][1]] for s, x in inputs.items()}
    assert model(inputs).shape == (3, CLASSES)


def errors(steps):
    return [
        ({"streams": ()}, "Invalid `streams`"),
        ({"streams": "rgb"}, "Invalid `streams`"),
        ({"streams": ("rgb", "rgb")}, "Invalid `streams`"),
        ({"streams": ("rgb", "warped_flow")}, "Invalid `streams`"),
        ({"features": 0}, "Invalid `features`"),
        ({"input_shape": (steps, 16)}, "Invalid `input_shape`"),
        ({"input_tensor": {"rgb": None}}, "Invalid `input_tensor`"),
        (
            {"input_shape": {"rgb": (steps, 16), "flow": (steps, None)}},
            "Received: input_shape=",
        ),
        (
            {"streams": ("rgb",), "input_shape": (steps, 8, 8, 3)},
            r"shape \(num_segments, features\)",
        ),
        (
            {
                "streams": ("rgb",),
                "input_shape": (steps, 8),
                "backbone": "tiny",
            },
            "height, width, channels",
        ),
        (
            {
                "streams": ("flow",),
                "input_shape": (steps, 32, 32, 3),
                "backbone": "tiny",
            },
            "height, width, channels",
        ),
        ({"backbone": "huge"}, "backbone='huge'"),
        ({"backbone": {"rgb": "tiny"}}, "a dict of .*'rgb', 'flow'"),
        ({"pooling": "sum"}, "Invalid `pooling`"),
    ]


def test_errors(network):
    for arguments, message in errors(NETWORKS[network][2]):
        with pytest.raises(ValueError, match=message):
            build(network, **arguments)


def test_errors_of_steps():
    shapes = {"rgb": (7, 16), "flow": (9, 16)}
    with pytest.raises(ValueError, match="same number of steps"):
        STFN(input_shape=shapes)
    with pytest.raises(ValueError, match=r"\(25, None\) for rgb"):
        TSLSTM(input_shape=shapes)


def clips(steps, batch=2, size=32):
    rng = np.random.default_rng(0)
    return {
        stream: rng.integers(
            0, 256, (batch, steps, size, size, channels), "uint8"
        )
        for stream, channels in (("rgb", 3), ("flow", 20))
    }


@pytest.mark.large_on_jax
# The towers are the same in all three.
@pytest.mark.parametrize("network", ["stfn"], indirect=True)
def test_towers_make_the_features(network):
    """A network with towers equals one on the features that they make."""
    steps = NETWORKS[network][2]
    size = (steps, 32, 32)
    model = build(
        network,
        backbone="tiny",
        input_shape={"rgb": (*size, 3), "flow": (*size, 20)},
    )
    pixels = clips(steps)
    features = {}
    for stream, clip in pixels.items():
        tower = model.get_layer(f"{stream}_tower")
        scaled = clip.astype("float32").reshape(-1, *clip.shape[2:])
        found = joined_streams.call(tower, scaled / 127.5 - 1)
        features[stream] = found.reshape(2, steps, -1)
    bare = build(network, features=features["rgb"].shape[-1])
    in_towers = sum(len(x.weights) for x in model.layers if "_tower" in x.name)
    rest = {
        layer.name: layer.get_weights()
        for layer in model.layers
        if "_tower" not in layer.name
    }
    for layer in bare.layers:
        layer.set_weights(rest[layer.name])
    assert len(model.weights) == len(bare.weights) + in_towers
    np.testing.assert_allclose(
        joined_streams.call(model, pixels),
        joined_streams.call(bare, features),
        atol=1e-4,
    )
    assert keras_vidrec.describe(model).clip_spec.size == 32


def test_any_model_as_backbone():
    images = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(8, 3, activation="relu")(images)
    model = STFN(
        classes=CLASSES,
        streams=("rgb",),
        backbone=keras.Model(images, maps),
    )
    assert model.get_layer("rgb_tower") is not None
    assert "rgb_preprocessing" not in [layer.name for layer in model.layers]
    assert model(clips(3)["rgb"].astype("float32")).shape == (2, CLASSES)


@pytest.mark.large
def test_end_to_end_training(network):
    """One step moves towers and all that follows."""
    steps = NETWORKS[network][2]
    model = build(network, backbone="tiny")
    logits = clip_logits_model(model)
    logits.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # compiles for longer than it runs
    )
    before = model.get_weights()
    logits.fit(clips(steps, batch=4), np.arange(4), verbose=0)
    towers = [x for x in model.layers if x.name.endswith("_tower")]
    assert len(towers) == 2
    for weight, new, old in zip(
        model.weights, model.get_weights(), before, strict=True
    ):
        assert np.isfinite(new).all(), weight.path
        if "seed" not in weight.path:
            assert (new != old).any(), weight.path


@pytest.mark.large
def test_learns_the_order_of_events(network):
    """Where the mean over time of all classes is the same."""
    steps = NETWORKS[network][2]
    model = build(network, classes=6)
    assert accuracy(model, steps) >= 0.9


@pytest.mark.large
def test_does_not_learn_the_order_from_means():
    model = build(
        "ts_lstm",
        classes=6,
        temporal_segments=1,
        units=(),
        temporal_pooling="avg",
    )
    assert accuracy(model, 25) <= 0.4


def accuracy(model, steps):
    """Of test videos, after a short training."""
    logits = clip_logits_model(model)
    logits.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    logits.fit(
        *feature_networks.ordered_events(300, steps, seed=1),
        batch_size=30,
        epochs=15,
        verbose=0,
    )
    _, found = logits.evaluate(
        *feature_networks.ordered_events(120, steps, seed=2), verbose=0
    )
    return found


@pytest.mark.large
@pytest.mark.tensorflow_only
def test_two_devices_train_as_one(network, inputs):
    import tensorflow as tf

    from keras_vidrec.training.devices import distribution
    from keras_vidrec.training.recipes.sections import Optimizer

    inputs = feature_networks.features(NETWORKS[network][2], batch=8)
    labels = np.arange(8) % CLASSES
    before, found = None, []
    for chosen in ("none", "mirrored"):
        devices = distribution.choose(chosen)
        with devices.scope():
            model = joined_streams.wake(build(network, dropout=0.0))
            if before is not None:
                model.set_weights(before)
            devices.prepare(model, Optimizer(batch_size=8))
            logits = clip_logits_model(model)
            logits.compile(
                keras.optimizers.SGD(0.01),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
        before = model.get_weights()
        data = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8)
        logits.fit(data, verbose=0, shuffle=False)
        found.append(model.get_weights())
    for weight, start, alone, shared in zip(
        model.weights, before, *found, strict=True
    ):
        np.testing.assert_allclose(
            shared, alone, rtol=1e-4, atol=1e-5, err_msg=weight.path
        )
        assert "seed" in weight.path or (alone != start).any(), weight.path
