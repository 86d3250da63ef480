import keras


class EarlyStop(keras.callbacks.EarlyStopping):
    """Ends training when the validation accuracy rises no more.

    Goes on counting over several calls of `fit`, and over an interruption.

    Args:
        monitor: str. Name of the metric, larger being better.
        patience: int. Epochs in a row without a gain, until training ends.

    Attributes:
        has_stopped: bool. Whether training has come to its end.
    """

    def __init__(self, monitor, patience):
        super().__init__(monitor, patience=patience, mode="max")

    @property
    def has_stopped(self):
        return self.wait >= self.patience

    def on_train_begin(self, logs=None):
        """Forgets nothing, unlike Keras."""

    def get_state(self):
        best = None if self.best is None else float(self.best)
        return {"best": best, "wait": self.wait}

    def set_state(self, state):
        self.best, self.wait = state["best"], state["wait"]
