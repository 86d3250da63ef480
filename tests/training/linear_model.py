"""A model whose gradients anybody can work out: they are its inputs."""

import keras
import numpy as np
from keras import ops

SHAPES = {
    "conv1/kernel": (2, 3),
    "conv1/bias": (3,),
    "logits/kernel": (2, 3),
    "logits/bias": (3,),
}
_SIZE = 18


class _Dot(keras.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(2, 3), name="kernel")
        self.bias = self.add_weight(shape=(3,), name="bias")

    def call(self, inputs):
        flat = ops.concatenate([ops.reshape(self.kernel, (6,)), self.bias])
        return ops.matmul(inputs, flat[:, None])


def linear_model(optimizer):
    """The gradient of its weights is the mean of the rows of a batch."""
    inputs = keras.Input((_SIZE,))
    parts = (
        _Dot(name="conv1")(inputs[:, :9]),
        _Dot(name="logits")(inputs[:, 9:]),
    )
    model = keras.Model(inputs, keras.layers.Add()(parts))
    model.set_weights(list(start().values()))
    model.compile(optimizer, lambda _, output: ops.mean(output, axis=-1))
    return model


def start():
    """The weights of the model before training, by their path."""
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(size=shape).astype("float32")
        for name, shape in SHAPES.items()
    }


def rows(number, seed=1):
    """Inputs: small and large ones."""
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.uniform(-1, 1, (number, 1))
    return (sizes * rng.normal(size=(number, _SIZE))).astype("float32")


def gradients(row):
    """The parts of a row, by the path of the weight."""
    parts = np.split(row, [6, 9, 15])
    return {
        name: part.reshape(SHAPES[name]) for name, part in zip(SHAPES, parts)
    }


def fit(model, inputs, batch_size=1):
    model.fit(
        inputs,
        np.zeros((len(inputs), 1)),
        batch_size=batch_size,
        shuffle=False,
        verbose=0,
    )


def weights_of(model):
    return {w.path: ops.convert_to_numpy(w) for w in model.weights}
