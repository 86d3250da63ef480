import keras
import numpy as np
from keras import layers
from keras import ops

from keras_vidrec.applications.parts import channels_last


class Doubled(layers.Conv2D):
    """A convolution of another kind."""

    def convolution_op(self, inputs, kernel):
        return 2 * super().convolution_op(inputs, kernel)


def network():
    """One of each way to pad, and what Keras' own code must do."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((15, 18, 4))
    x = inputs
    for number, options in enumerate(
        (
            {"kernel_size": 3, "padding": "same", "activation": "relu"},
            {"kernel_size": 1, "use_bias": False},
            {"kernel_size": 3, "padding": "same", "strides": 2},
            {"kernel_size": 2, "padding": "same", "groups": 2},
            {"kernel_size": 3, "padding": "same", "dilation_rate": 2},
            {"kernel_size": (3, 1), "strides": (2, 1)},
        )
    ):
        x = layers.Conv2D(8, **options, name=f"conv{number}")(x)
    x = layers.MaxPooling2D((1, 3), (1, 2))(x)
    x = layers.MaxPooling2D(2, padding="same")(x)
    part = keras.Model(inputs, x, name="tower")
    outer = keras.Input((15, 18, 4))
    return keras.Model(outer, Doubled(5, 1, name="last")(part(outer)))


def test_results_stay(tmp_path):
    model = network()
    start = [value.copy() for value in model.get_weights()]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 15, 18, 4)).astype("float32")
    y = rng.normal(size=(2, *model.output.shape[1:])).astype("float32")

    def trained():
        model.set_weights(start)
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        model.optimizer.build(model.trainable_variables)
        channels_last.lay_out(model.optimizer.variables)
        before = ops.convert_to_numpy(model(x))
        model.train_on_batch(x, y)
        return before, *(value.copy() for value in model.get_weights())

    expected = trained()
    channels_last.spare_copies(model.layers)
    tower = model.get_layer("tower")
    replaced = {
        layer.name
        for layer in (*tower.layers, *model.layers)
        if {"convolution_op", "call"} & {*vars(layer)}
    }
    # Of the others, each side is padded in another way.
    on_torch = {"conv0", "conv1", "conv4", "conv5", "max_pooling2d"}
    assert replaced == (
        on_torch if keras.backend.backend() == "torch" else set()
    )
    for found, wanted in zip(trained(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(
        tmp_path / "model.keras", {"Doubled": Doubled}
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(loaded(x)),
        ops.convert_to_numpy(model(x)),
        atol=1e-6,
    )
