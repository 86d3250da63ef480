"""What a network learns from: a loss on its class scores, or on those of each
of its towers."""

import keras
import tensorflow as tf

from keras_vidrec.applications.parts import channels_last
from keras_vidrec.training.class_weights import ClassWeighted

_JOINT = "predictions"


def compile_logits(model, optimizer, label_smoothing=0.0, class_weights=None):
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
        class_weights: `None`, or float array `(classes,)`, as
            `class_weights.of` gives them: what the loss of a video is
            multiplied by. Accuracies count all alike. Defaults to `None`.
    """
    loss = _cross_entropy(label_smoothing, class_weights)
    metrics = ["accuracy"]
    if isinstance(model.output, dict):
        towers = [name for name in model.output if name != _JOINT]
        loss = dict.fromkeys(towers, loss)
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


def _cross_entropy(label_smoothing, class_weights):
    if label_smoothing:
        loss = SmoothedCrossEntropy(label_smoothing)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if class_weights is None:
        return loss
    return ClassWeighted(loss, class_weights)


class SmoothedCrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy of logits with the numbers of classes, a share of
    each of which is spread evenly over all classes.

    Args:
        label_smoothing: float in [0, 1).
    """

    def __init__(self, label_smoothing):
        super().__init__(name="smoothed_cross_entropy")
        self._label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        # Keras gives labels the rank of the logits.
        labels = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        return keras.losses.categorical_crossentropy(
            keras.ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype),
            y_pred,
            from_logits=True,
            label_smoothing=self._label_smoothing,
        )
