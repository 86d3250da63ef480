import keras

from keras_vidrec.applications.parts import model_file


class BestModel(keras.callbacks.Callback):
    """Saves the network whenever its validation accuracy is the best so far.

    Args:
        network: keras.Model to save: the one with its activation, which
            shares its weights with the model in training.
        path: path of the `.keras` file.
        monitor: str. Name of the metric, larger being better. Defaults to
            `"val_accuracy"`.
    """

    def __init__(self, network, path, monitor="val_accuracy"):
        super().__init__()
        self._network = network
        self._path = path
        self._monitor = monitor
        self._best = None

    def on_epoch_end(self, epoch, logs=None):
        value = float(logs[self._monitor])
        if self._best is None or value > self._best:
            model_file.save(self._network, self._path)
            self._best = value

    def get_state(self):
        return self._best

    def set_state(self, state):
        self._best = state
