import keras
import numpy as np
import pytest

from keras_vidrec.training.callbacks.stop_on_nan import LossIsNaN
from keras_vidrec.training.callbacks.stop_on_nan import StopOnNaN


@pytest.mark.parametrize(
    "loss", [float("nan"), float("inf"), -np.float32("inf")]
)
def test_tells_epoch_and_step(loss):
    callback = StopOnNaN()
    callback.on_train_begin()
    callback.on_epoch_begin(4)
    callback.on_train_batch_end(0, {"loss": 1e30})
    callback.on_train_batch_end(1, {"accuracy": loss})
    callback.on_train_batch_end(2)
    with pytest.raises(
        LossIsNaN, match=f"Received: loss={float(loss)} in epoch 5, step 4. Try"
    ):
        callback.on_train_batch_end(3, {"loss": loss})


@pytest.mark.parametrize("bad_step", [0, 2])
def test_stops_a_fit_at_the_very_step(bad_step):
    """Three batches an epoch; one of the second epoch is no number."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    images = np.zeros((6, 1), "float32")
    images[3 + bad_step] = np.nan
    steps = []

    class Recorder(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            steps.append(batch)

    def batches():
        yield from zip(images[:, None], np.zeros((6, 1, 1), "float32"))

    with pytest.raises(LossIsNaN, match=f"epoch 2, step {bad_step + 1}"):
        model.fit(
            batches(),
            steps_per_epoch=3,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=[StopOnNaN(), Recorder()],
        )
    assert steps == [0, 1, 2, *range(bad_step + 1)]
