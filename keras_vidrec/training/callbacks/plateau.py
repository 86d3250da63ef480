import keras


class Plateau(keras.callbacks.ReduceLROnPlateau):
    """Lowers the learning rate when the validation accuracy saturates.

    Goes on counting over several calls of `fit`, and over an interruption:
    the rate itself is a variable of the optimizer.

    Args:
        monitor: str. Name of the metric, larger being better.
        factor: float in (0, 1). What the rate is multiplied by.
        patience: int. Epochs in a row without a gain, until the rate falls.
        min_learning_rate: float. It does not fall below. Defaults to `0.0`.
    """

    def __init__(self, monitor, factor, patience, min_learning_rate=0.0):
        super().__init__(
            monitor,
            factor,
            patience,
            mode="max",
            min_delta=0,
            min_lr=min_learning_rate,
        )

    def on_train_begin(self, logs=None):
        """Forgets nothing, unlike Keras."""

    def get_state(self):
        return {"best": _number(self.best), "wait": self.wait}

    def set_state(self, state):
        self.best, self.wait = state["best"], state["wait"]


def _number(value):
    return None if value is None else float(value)
