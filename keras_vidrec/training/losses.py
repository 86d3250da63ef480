"""What a network learns from: a loss on its class scores, or on those of each
of its towers."""

import keras
import tensorflow as tf

from keras_vidrec.applications.parts import channels_last

_JOINT = "predictions"


def compile_logits(model, optimizer, label_smoothing=0.0, soft_labels=False):
    """Compiles a network with softmax cross-entropy.

    One with auxiliary outputs is trained by the sum of the losses of its
    towers. There is no loss on its joint predictions, which would favor the
    tower that learns sooner (two-stream fusion, section 3.5): only their
    accuracy is measured.

    Args:
        model: keras.Model as `clip_logits_model` gives it: to logits, or to a
            dict of them.
        optimizer: `keras.optimizers.Optimizer`.
        label_smoothing: float in [0, 1). Share of each label that is spread
            over all classes. Defaults to `0.0`.
        soft_labels: bool. Whether labels may be shares of classes, float
            `(batch, classes)`, as steps that mix clips give them. Accuracy is
            that of the class with the largest share. Defaults to `False`.
    """

    def cross_entropy():
        if label_smoothing or soft_labels:
            return SmoothedCrossEntropy(label_smoothing)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    loss = cross_entropy()
    metrics = [_soft_accuracy() if soft_labels else "accuracy"]
    if isinstance(model.output, dict):
        towers = [name for name in model.output if name != _JOINT]
        loss = {tower: cross_entropy() for tower in towers}
        metrics = {_JOINT: metrics}
    model.compile(optimizer, loss, weighted_metrics=metrics)
    _make_variables(model)


def _make_variables(model):
    """Those of the optimizer and the metrics, which Keras leaves to the first
    step of `fit`: TensorFlow traces a step that makes variables twice."""
    if not model.optimizer.built:  # as it is in a later phase
        model.optimizer.build(model.trainable_variables)
        channels_last.lay_out(model.optimizer.variables)
    if keras.backend.backend() == "tensorflow" and tf.distribute.has_strategy():
        return  # `fit` makes the metrics' without a step then
    scores = keras.tree.map_structure(
        lambda output: keras.ops.zeros((1, output.shape[-1])), model.output
    )
    labels = keras.tree.map_structure(lambda _: keras.ops.zeros((1,)), scores)
    model.compute_loss(None, labels, scores)
    model.compute_metrics(None, labels, scores)
    model.reset_metrics()


def label_outputs(model, clips):
    """Clips with their labels once for each output of a network.

    Args:
        model: keras.Model as `compile_logits` takes it.
        clips: `tf.data.Dataset` of `data.pipeline.make`.

    Returns:
        `tf.data.Dataset` for `fit`; `clips` if there is just one output.
    """
    if not isinstance(model.output, dict):
        return clips
    names = tuple(model.output)

    def repeat(inputs, label, *sample_weight):
        return inputs, {name: label for name in names}, *sample_weight

    return clips.map(repeat)


def accuracy_name(model):
    """Name of the accuracy of the whole network in the logs of
    `fit`; that of the validation part has `val_` before it."""
    return (
        f"{_JOINT}_accuracy" if isinstance(model.output, dict) else "accuracy"
    )


def _soft_accuracy():
    return keras.metrics.MeanMetricWrapper(_is_found, name="accuracy")


def _is_found(y_true, y_pred):
    """Whether the class with the largest share is the one that is found."""
    if not _are_shares(y_true, y_pred):
        return keras.metrics.sparse_categorical_accuracy(y_true, y_pred)
    return keras.metrics.categorical_accuracy(y_true, y_pred)


def _are_shares(y_true, y_pred):
    """Whether labels are shares of classes, not their numbers: with a single
    class these are numbers."""
    return len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1] > 1


class SmoothedCrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy of logits with the numbers of classes, or with
    their shares `(batch, classes)`, a part of each of which is spread evenly
    over all classes.

    Args:
        label_smoothing: float in [0, 1).
    """

    def __init__(self, label_smoothing):
        super().__init__(name="smoothed_cross_entropy")
        self._label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        shares = y_true
        if not _are_shares(y_true, y_pred):
            # Keras gives labels the rank of the logits.
            labels = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
            shares = keras.ops.one_hot(labels, y_pred.shape[-1])
        return keras.losses.categorical_crossentropy(
            keras.ops.cast(shares, y_pred.dtype),
            y_pred,
            from_logits=True,
            label_smoothing=self._label_smoothing,
        )
