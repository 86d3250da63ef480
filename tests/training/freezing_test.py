import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.training import freezing
from keras_vidrec.weights.towers import layers_by_path
from tests.applications.joined_streams import without_values

# Order of depth in `network`.
NAMES = ["first", "second", "keras_own", "last"]


def network():
    """Normalization at the top, in a tower, and in a tower within it."""
    inner_input = keras.Input((None, None, 4))
    x = BatchNormalization(name="second")(inner_input)
    inner = keras.Model(inner_input, keras.layers.ReLU()(x), name="inner")

    tower_input = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(tower_input)
    x = BatchNormalization(name="first")(x)
    x = keras.layers.BatchNormalization(name="keras_own")(inner(x))
    tower = keras.Model(tower_input, x, name="tower")

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(tower(inputs))
    x = BatchNormalization(name="last")(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def weights_of(model):
    return {
        layer.name: layer.get_weights()
        for layer in freezing.batch_normalizations(model)
    }


def fit(model):
    rng = np.random.default_rng(0)
    model.compile(
        keras.optimizers.SGD(0.1, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    images = rng.normal(3, 2, (8, 8, 8, 3)).astype("float32")
    model.fit(images, rng.integers(0, 2, 8), epochs=2, batch_size=4, verbose=0)
    return images


def test_layers_in_order_through_nested_models():
    layers = freezing.batch_normalizations(network())
    assert [layer.name for layer in layers] == NAMES


def check_partially_frozen(model):
    before = weights_of(model)
    kernel = model.layers[-1].get_weights()[0]
    fit(model)
    after = weights_of(model)
    for name in NAMES:
        for old, new in zip(before[name], after[name], strict=True):
            # gamma, beta, mean and variance: all move or all stay.
            assert (old == new).all() == (name != "first"), name
    assert (kernel != model.layers[-1].get_weights()[0]).any()


@pytest.mark.usefixtures("eager")
def test_training_moves_the_first_only(tmp_path):
    model = network()
    assert freezing.partial_batch_norm(model) == 3
    check_partially_frozen(model)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path, compile=False)
    check_partially_frozen(loaded)


@pytest.mark.usefixtures("eager")
def test_without_freezing_all_move():
    model = network()
    before = weights_of(model)
    fit(model)
    for name, weights in weights_of(model).items():
        for old, new in zip(before[name], weights):
            assert (old != new).any(), name


def test_frozen_ones_normalize_by_their_statistics_in_training():
    model = network()
    freezing.partial_batch_norm(model)
    layer = freezing.batch_normalizations(model)[1]
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(1, 2, w.shape) for w in layer.weights])
    gamma, beta, mean, variance = layer.get_weights()
    x = rng.normal(5, 3, (2, 3, 3, 4)).astype("float32")
    expected = gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer(x, training=True)),
        expected,
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("backbone, frozen", [("tiny", 28), ("resnet50", 52)])
def test_networks_of_the_package(backbone, frozen):
    model = without_values(TSN, backbone=backbone, classes=2)
    assert freezing.partial_batch_norm(model) == frozen
    first = freezing.batch_normalizations(model)[0]
    assert [
        layer.name
        for layer in freezing.batch_normalizations(model)
        if layer.trainable
    ] == [first.name]


def two_streams():
    """A tower each for two inputs, and a normalization above both."""
    inputs, features = {}, []
    for stream in ("rgb", "flow"):
        tower_input = x = keras.Input((8, 8, 2))
        for number in (1, 2):
            x = keras.layers.Conv2D(3, 3, name=f"conv{number}")(x)
            x = BatchNormalization(name=f"bn{number}")(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        inputs[stream] = keras.Input((8, 8, 2), name=stream)
        tower = keras.Model(tower_input, x, name=f"{stream}_tower")
        features.append(tower(inputs[stream]))
    x = keras.layers.Concatenate()(features)
    x = BatchNormalization(name="above")(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def by_path(model):
    """Weights of the normalizations by path: the towers share their names."""
    return {
        path: layer.get_weights()
        for path, layer in layers_by_path(model).items()
        if isinstance(layer, BatchNormalization)
    }


@pytest.mark.usefixtures("eager")
def test_the_first_of_every_tower_stays_free():
    model = two_streams()
    assert freezing.partial_batch_norm(model) == 3
    before = by_path(model)
    rng = np.random.default_rng(0)
    images = {
        stream: rng.normal(3, 2, (8, 8, 8, 2)).astype("float32")
        for stream in ("rgb", "flow")
    }
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(images, rng.integers(0, 2, 8), verbose=0)
    after = by_path(model)
    assert after.keys() == before.keys() and len(after) == 5
    for path, weights in after.items():
        for old, new in zip(before[path], weights, strict=True):
            assert (old != new).any() == path.endswith("bn1"), path


@pytest.mark.usefixtures("eager")
def test_in_a_network_with_dropout_and_segments(tmp_path):
    """The real thing: a folded tower, trained, saved, loaded, trained on."""
    path = tmp_path / "model.keras"
    images = x = keras.Input((None, None, 10))
    for number in (1, 2, 3):
        # A bias would have no gradient: normalization takes it away.
        x = keras.layers.Conv2D(
            4, 3, strides=2, use_bias=False, name=f"conv{number}"
        )(x)
        x = BatchNormalization(name=f"bn{number}")(x)
        x = keras.layers.ReLU()(x)
    tower = keras.Model(images, x)
    model = TSN(backbone=tower, modality="flow", classes=2)
    freezing.partial_batch_norm(model)
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (4, 2, 32, 32, 10), "uint8")
    first, *others = [
        layer.name for layer in freezing.batch_normalizations(model)
    ]
    for _ in range(2):
        before = weights_of(model)
        trained = clip_logits_model(model)
        # A small rate: sure of every clip, it would move nothing any more.
        trained.compile(
            keras.optimizers.SGD(1e-2),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        trained.fit(clips, np.array([0, 1, 1, 1]), batch_size=4, verbose=0)
        after = weights_of(model)
        for name in others:
            for old, new in zip(before[name], after[name], strict=True):
                np.testing.assert_array_equal(old, new, err_msg=name)
        for old, new in zip(before[first], after[first], strict=True):
            assert (old != new).any()
        model.save(path)
        model = keras.models.load_model(path, compile=False)
        for name, weights in weights_of(model).items():
            for old, new in zip(weights, after[name], strict=True):
                np.testing.assert_array_equal(old, new)


def joined_streams():
    """Towers, what goes on from one of them, and a layer above both."""
    inputs, maps = {}, []
    for stream in ("rgb", "flow"):
        inputs[stream] = keras.Input((8, 8, 2), name=stream)
        x = inputs[stream]
        for part in ("tower", "from_relu2"):
            part_input = y = keras.Input((None, None, x.shape[-1]))
            # A bias would have no gradient: normalization takes it away.
            y = keras.layers.Conv2D(3, 3, use_bias=False, name="conv")(y)
            y = BatchNormalization(momentum=0.5, name="bn")(y)
            x = keras.Model(part_input, y, name=f"{stream}_{part}")(x)
        maps.append(x)
    x = keras.layers.Concatenate()(maps)
    part_input = keras.Input((None, None, 6))
    y = BatchNormalization(momentum=0.5, name="bn")(part_input)
    x = keras.Model(part_input, y, name="spatiotemporal_from_relu3")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(
        inputs, keras.layers.Dense(2, name="logits")(x), name="joined"
    )


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("streams", [("flow",), ("rgb", "flow")])
def test_frozen_towers_stay_as_they_are(streams, tmp_path):
    """Bit for bit, statistics too; all that is not frozen moves."""
    model = joined_streams()
    parts = freezing.freeze_towers(model, streams)
    assert parts == tuple(
        f"{stream}_{part}"
        for stream in streams
        for part in ("tower", "from_relu2")
    )
    rng = np.random.default_rng(0)
    images = {
        stream: rng.normal(3, 2, (8, 8, 8, 2)).astype("float32")
        for stream in ("rgb", "flow")
    }
    for _ in range(2):
        before = {
            path: layer.get_weights()
            for path, layer in layers_by_path(model).items()
        }
        model.compile(
            keras.optimizers.SGD(0.1, weight_decay=0.01),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        model.fit(images, np.array([0, 1] * 4), verbose=0)
        for path, layer in layers_by_path(model).items():
            frozen = path.startswith(tuple(f"{stream}_" for stream in streams))
            for old, new in zip(before[path], layer.get_weights()):
                assert (old == new).all() == frozen, path
        # It is saved with what is frozen.
        path = tmp_path / "model.keras"
        model.save(path)
        model = keras.models.load_model(path, compile=False)


def test_no_tower_to_freeze():
    model = joined_streams()
    with pytest.raises(ValueError, match="tower of rgb_diff.*'joined'"):
        freezing.freeze_towers(model, ("rgb", "rgb_diff"))
    assert all(layer.trainable for layer in model.layers)
    freezing.freeze_towers(model, ())
    assert all(layer.trainable for layer in model.layers)


def test_the_first_of_every_stream_without_towers():
    """A network that holds the layers of both streams itself."""
    model = without_values(
        SpatiotemporalMultiplier,
        classes=2,
        backbone="tiny",
        temporal_filters=None,
    )
    assert freezing.partial_batch_norm(model) == 2 * 28
    assert sorted(
        layer.name
        for layer in freezing.batch_normalizations(model)
        if layer.trainable
    ) == ["flow_bn_conv1", "rgb_bn_conv1"]
