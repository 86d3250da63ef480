import weakref

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

from keras_vidrec.applications.parts import channels_last
from keras_vidrec.applications.parts import fast_paths
from keras_vidrec.applications.parts import torch_run
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.visualization import layer_tap


class Doubled(layers.Conv2D):
    """A convolution of another kind."""

    def convolution_op(self, inputs, kernel):
        return 2 * super().convolution_op(inputs, kernel)


def network():
    """A tower in a network: each way to pad, maps that may be written over
    and maps that others need too, and what Keras' own code must do."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((17, 19, 4))
    x = layers.ZeroPadding2D((1, 2))(x)
    x = layers.Conv2D(8, (3, 5), strides=2, name="padded")(x)
    x = BatchNormalization(name="bn0")(x)
    x = layers.Activation("relu", name="relu0")(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=1, name="pool")(x)
    for number, options in enumerate(
        (
            {"kernel_size": 3, "padding": "same", "activation": "relu"},
            {"kernel_size": 1, "use_bias": False},
            {"kernel_size": 3, "padding": "same", "dilation_rate": 2},
            {"kernel_size": 2, "padding": "same", "groups": 2},
            {"kernel_size": 1, "activation": "tanh"},
            {"kernel_size": 1, "groups": 2},
        )
    ):
        y = layers.Conv2D(8, **options, name=f"conv{number}")(x)
        y = BatchNormalization(name=f"bn{number + 1}")(y)
        x = layers.Add(name=f"add{number}")([x, y] if number % 2 else [y, x])
        x = layers.Activation("relu", name=f"relu{number + 1}")(x)
    y = layers.Conv2D(8, 1, strides=(2, 3), name="pixels")(y)
    # Negative numbers, which zeros around them would change.
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(y))
    x = layers.ZeroPadding2D(((0, 1), (1, 0)))(x)
    x = layers.MaxPooling2D(2, padding="same")(x)
    tower = keras.Model(inputs, [x, layers.Activation("relu")(y)], name="tower")
    outer = keras.Input((17, 19, 4))
    x, y = tower(outer)
    outputs = {"x": Doubled(5, 1, name="last")(x), "y": y}
    return keras.Model(outer, outputs)


def examples(model, number=2):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(number, 17, 19, 4)).astype("float32")
    shapes = {name: one.shape[1:] for name, one in model.output.items()}
    y = {
        name: rng.normal(size=(number, *shape)).astype("float32")
        for name, shape in shapes.items()
    }
    return x, y


def trained(model, start, x, y):
    model.set_weights(start)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    channels_last.lay_out(model.optimizer.variables)
    before = ops.convert_to_numpy(model(x)["x"])
    model.train_on_batch(x, y)
    model.train_on_batch(x, y)
    return before, *(value.copy() for value in model.get_weights())


@pytest.mark.parametrize("frozen", [False, True])
def test_results_stay(frozen, tmp_path):
    model = network()
    start = [value.copy() for value in model.get_weights()]
    x, y = examples(model)
    tower = model.get_layer("tower")
    tower.get_layer("bn2").trainable = not frozen
    tower.get_layer("bn3").num_groups = 2
    expected = trained(model, start, x, y)
    assert fast_paths.take(model) is model
    replaced = [
        layer.name
        for layer in (model, *tower.layers, tower)
        if {"call", "convolution_op"} & {*vars(layer)}
    ]
    by_backend = {
        "torch": [model.name, "tower"],
        "jax": ["conv1", "conv4", "pixels"],
        "tensorflow": [],
    }
    assert replaced == by_backend[keras.backend.backend()]
    for found, wanted in zip(
        trained(model, start, x, y), expected, strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(
        tmp_path / "model.keras", {"Doubled": Doubled}
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(loaded(x)["y"]),
        ops.convert_to_numpy(model(x)["y"]),
        rtol=1e-5,
        atol=1e-5,
    )


torch_only = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="PyTorch's operations"
)


@torch_only
def test_keras_calls_what_it_must(monkeypatch):
    """And nothing else: layers of another kind, and those whose `call` was
    replaced or that are looked at, which see what they would see."""
    model = network()
    x, _ = examples(model)
    tower, called = model.get_layer("tower"), []
    torch_run.run_directly(model)
    call = keras.Layer.__call__
    monkeypatch.setattr(
        keras.Layer,
        "__call__",
        lambda layer, *args, **kwargs: (
            called.append(layer.name) or call(layer, *args, **kwargs)
        ),
    )
    seen = []
    tower.get_layer("relu1").register_forward_pre_hook(
        lambda layer, inputs: seen.append(layer.name)
    )
    model(x)
    assert {"conv3", "conv4", "last", "tower", "relu1"} < {*called}
    assert {"conv0", "padded", "pool", "bn1", "add0"}.isdisjoint(called)
    assert seen == ["relu1"]

    tapped = [tower.get_layer(name) for name in ("bn1", "add1", "conv0")]
    found = {}

    def exchange(layer, inputs, outputs):
        found[layer.name] = inputs, outputs
        return outputs

    expected = ops.convert_to_numpy(model(x)["x"])
    with layer_tap.tap(tapped, exchange):
        again = ops.convert_to_numpy(model(x)["x"])
    np.testing.assert_allclose(again, expected, atol=1e-6)
    _, convolved = found["conv0"]
    inputs, normalized = found["bn1"]
    np.testing.assert_array_equal(
        ops.convert_to_numpy(inputs), ops.convert_to_numpy(convolved)
    )
    # Nothing was added to it in place.
    np.testing.assert_allclose(
        ops.convert_to_numpy(normalized),
        ops.convert_to_numpy(tower.get_layer("bn1")(convolved)),
        atol=1e-6,
    )
    assert (ops.convert_to_numpy(found["add1"][1]) < 0).any()


@torch_only
def test_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = network()
    finally:
        keras.config.set_dtype_policy("float32")
    x, _ = examples(model)
    for training in (False, True):
        start = model.get_weights()
        vars(model).pop("call", None)
        vars(model.get_layer("tower")).pop("call", None)
        expected = model(x, training=training)
        model.set_weights(start)
        torch_run.run_directly(model)
        found = model(x, training=training)
        for name, wanted in expected.items():
            assert found[name].dtype == wanted.dtype
            wanted = ops.convert_to_numpy(ops.cast(wanted, "float32"))
            np.testing.assert_allclose(
                ops.convert_to_numpy(ops.cast(found[name], "float32")),
                wanted,
                atol=0.02 * abs(wanted).max(),
            )


@torch_only
def test_maps_are_freed():
    """Of a long network, few maps are there at once."""
    inputs = x = keras.Input((8, 8, 4))
    alive, most = set(), []

    class Counted(layers.Layer):
        def call(self, inputs):
            outputs = inputs + 1
            alive.add(outputs.data_ptr())
            weakref.finalize(outputs, alive.discard, outputs.data_ptr())
            most.append(len(alive))
            return outputs

    for _ in range(6):
        x = Counted()(x)
    model = torch_run.run_directly(keras.Model(inputs, x))
    most.clear()
    model(np.zeros((1, 8, 8, 4), "float32"))
    assert len(most) == 6 and max(most) <= 3
