"""What a network learns from: a loss on its class scores, or on those of each
of its towers."""

import keras
import tensorflow as tf

from keras_vidrec.applications.parts import channels_last

_JOINT = "predictions"


def compile_logits(model, optimizer):
    """Compiles a network with softmax cross-entropy.

    One with auxiliary outputs is trained by the sum of the losses of its
    towers. There is no loss on its joint predictions, which would favor the
    tower that learns sooner (two-stream fusion, section 3.5): only their
    accuracy is measured.

    Args:
        model: keras.Model as `clip_logits_model` gives it: to logits, or to a
            dict of them.
        optimizer: `keras.optimizers.Optimizer`.
    """
    loss, metrics = _cross_entropy(), ["accuracy"]
    if isinstance(model.output, dict):
        towers = [name for name in model.output if name != _JOINT]
        loss = {tower: _cross_entropy() for tower in towers}
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


def _cross_entropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
