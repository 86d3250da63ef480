"""What a network learns from: a loss on its class scores, or on those of each
of its towers."""

import dataclasses

import keras
import tensorflow as tf
from keras import ops

from keras_vidrec.applications.parts import channels_last
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.specs import checks
from keras_vidrec.training.objectives.class_weights import ClassWeighted
from keras_vidrec.training.recipes.sections import Loss

_JOINT = "predictions"
_ACTIVATION = "classifier_activation"
# Bins of the logits, from the lowest edge to the highest; what lies beyond is
# in the first or the last one.
_BINS = 256
_EDGE = 12.0


def settled(data):
    """A dataset to train on, whose recipe says by which loss and what the
    classifier ends in, where the recipe leaves it to the labels.

    Args:
        data: `Dataset`, with its recipe.

    Returns:
        `Dataset`.

    Raises:
        ValueError: if the recipe needs one label per video, and they have
            several, or a loss and an activation that do not go together.
    """
    recipe, kind = data.recipe, data.recipe.loss.kind
    several = label_sets.are_sets(data.source.labels)
    stated = recipe.network.arguments.get(_ACTIVATION)
    if several:
        of_data = f", as videos of {recipe.data.directory} have several labels"
        checks.check(
            kind != "categorical_crossentropy",
            "loss.kind",
            f'"auto", "binary_crossentropy" or "focal"{of_data}',
            kind,
        )
        checks.check(
            recipe.initialization.classifier == "random",
            "initialization.classifier",
            f'"random"{of_data}: the others need one label per video',
            recipe.initialization.classifier,
        )
        wanted = "sigmoid"
    else:
        of_data = f', which goes with loss.kind="{kind}"'
        wanted = {
            "auto": stated,
            "categorical_crossentropy": "softmax",
            "binary_crossentropy": "sigmoid",
            "focal": stated,
        }[kind]
        checks.check(
            recipe.loss.alpha is None or wanted == "sigmoid",
            "loss.alpha",
            "null where videos have one label each",
            recipe.loss.alpha,
        )
    checks.check(
        stated in (None, wanted),
        f"network.arguments.{_ACTIVATION}",
        f'"{wanted}"{of_data}',
        stated,
    )
    if kind == "auto" and wanted == "sigmoid":
        kind = "binary_crossentropy"
    if (kind, wanted) == (recipe.loss.kind, stated) or wanted != "sigmoid":
        return data
    network = dataclasses.replace(
        recipe.network,
        arguments={**recipe.network.arguments, _ACTIVATION: wanted},
    )
    loss = dataclasses.replace(recipe.loss, kind=kind)
    recipe = dataclasses.replace(recipe, network=network, loss=loss)
    return dataclasses.replace(data, recipe=recipe)


def compile_logits(
    model,
    optimizer,
    loss=None,
    *,
    sigmoid=False,
    several=False,
    class_weights=None,
):
    """Compiles a network to logits with its loss.

    One with auxiliary outputs is trained by the sum of the losses of its
    towers. There is no loss on its joint predictions, which would favor the
    tower that learns sooner (two-stream fusion, section 3.5): only their
    accuracy is measured.

    Args:
        model: keras.Model as `clip_logits_model` gives it: to logits, or to a
            dict of them.
        optimizer: `keras.optimizers.Optimizer`.
        loss: `None` (softmax cross-entropy), or section `Loss` of a recipe.
            Defaults to `None`.
        sigmoid: bool. Whether each class has a sigmoid of its own, in place of
            the softmax. Defaults to `False`.
        several: bool. Whether videos have several labels: then the mean
            average precision is measured, not the accuracy. Defaults to
            `False`.
        class_weights: `None`, or float array `(classes,)`, as
            `class_weights.of` gives them: what the loss of a video is
            multiplied by. Accuracies count all alike. Defaults to `None`.
    """
    loss, measure = loss or Loss(), Accuracy()
    if several:
        one, *_ = keras.tree.flatten(model.output)
        measure = MeanAveragePrecision(one.shape[-1])
    model.measure = measure.name

    def made():
        one = ClassLoss(loss, sigmoid)
        if class_weights is None:
            return one
        return ClassWeighted(one, class_weights)

    losses, metrics = made(), [measure]
    if isinstance(model.output, dict):
        towers = [name for name in model.output if name != _JOINT]
        losses = {tower: made() for tower in towers}
        metrics = {_JOINT: metrics}
    model.compile(optimizer, losses, weighted_metrics=metrics)
    _make_variables(model, several)


def _make_variables(model, several):
    """Those of the optimizer and the metrics, which Keras leaves to the first
    step of `fit`: TensorFlow traces a step that makes variables twice."""
    if not model.optimizer.built:  # as it is in a later phase
        model.optimizer.build(model.trainable_variables)
        channels_last.lay_out(model.optimizer.variables)
    if keras.backend.backend() == "tensorflow" and tf.distribute.has_strategy():
        return  # `fit` makes the metrics' without a step then
    scores = keras.tree.map_structure(
        lambda output: ops.zeros((1, output.shape[-1])), model.output
    )
    labels = keras.tree.map_structure(
        lambda score: ops.zeros(score.shape if several else (1,)), scores
    )
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
    """Name of the accuracy of the whole network (of several labels per video,
    of its mean average precision) in the logs of `fit`; that of the validation
    part has `val_` before it.
    """
    measure = getattr(model, "measure", "accuracy")
    if isinstance(model.output, dict):
        return f"{_JOINT}_{measure}"
    return measure


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ClassLoss(keras.losses.Loss):
    """The loss of logits `(batch, classes)`.

    Labels are the numbers of classes `(batch,)`, or shares of classes `(batch,
    classes)` from 0 to 1: several labels per video, and those of mixed videos,
    which are the mean of theirs.

    Args:
        section: section `Loss` of a recipe, or dict of its values.
        sigmoid: bool. As of `compile_logits`.
    """

    def __init__(self, section, sigmoid, **kwargs):
        if isinstance(section, dict):
            section = Loss(**section)
        super().__init__(**{"name": section.kind, **kwargs})
        self._section = section
        self._sigmoid = sigmoid

    def get_config(self):
        section = dataclasses.asdict(self._section)
        own = {"section": section, "sigmoid": self._sigmoid}
        return {**super().get_config(), **own}

    def call(self, y_true, y_pred):
        section, smoothing = self._section, self._section.label_smoothing
        focal = section.kind == "focal"
        plain = not (focal or self._sigmoid or smoothing)
        if plain and not _are_shares(y_true, y_pred):
            return keras.losses.sparse_categorical_crossentropy(
                y_true, y_pred, from_logits=True
            )
        shares = _shares(y_true, y_pred)
        if focal:
            shares = _smoothed(shares, smoothing, self._sigmoid)
            each = _sigmoid_focal if self._sigmoid else _softmax_focal
            return each(shares, y_pred, section)
        function = keras.losses.categorical_crossentropy
        if self._sigmoid:
            function = keras.losses.binary_crossentropy
        return function(
            shares, y_pred, from_logits=True, label_smoothing=smoothing
        )


@keras.saving.register_keras_serializable(package="keras_vidrec")
class Accuracy(keras.metrics.MeanMetricWrapper):
    """Share of clips whose class has the highest score; of mixed clips, the
    class that they show most of."""

    def __init__(self, name="accuracy", **kwargs):
        super().__init__(_is_hit, name=name, **kwargs)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="keras_vidrec")
class MeanAveragePrecision(keras.metrics.Metric):
    """Mean over the classes that occur of their average precision, of logits.

    Logits are counted in bins 0.09 wide, and those of a bin are taken for
    equal; `evaluation` works it out exactly. Classes that no video shows do
    not count.

    Args:
        num_classes: int.
        name: str. Defaults to `"mean_average_precision"`.
    """

    def __init__(self, num_classes, name="mean_average_precision", **kwargs):
        super().__init__(name=name, **kwargs)
        self._num_classes = num_classes
        self._counts = self.add_variable(
            # Of clips that show the class, and of the others.
            shape=(2, num_classes, _BINS),
            initializer="zeros",
            name="counts",
        )

    def get_config(self):
        return {**super().get_config(), "num_classes": self._num_classes}

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts logits `(batch, classes)` of labels of that shape, from 0 to
        1."""
        labels = ops.cast(y_true, "float32")
        scaled = (ops.cast(y_pred, "float32") + _EDGE) * (_BINS / (2 * _EDGE))
        bins = ops.cast(ops.clip(scaled, 0, _BINS - 1), "int32")
        each = ops.one_hot(bins, _BINS, dtype="float32")
        weights = ops.stack([labels, 1 - labels])
        if sample_weight is not None:
            sample_weight = ops.cast(sample_weight, "float32")
            weights *= ops.reshape(sample_weight, (1, -1, 1))
        self._counts.assign_add(ops.einsum("sbc,bck->sck", weights, each))

    def result(self):
        found = ops.flip(ops.convert_to_tensor(self._counts), axis=-1)
        shown, others = found[0], found[1]
        total = ops.sum(shown, axis=-1)
        right = ops.cumsum(shown, axis=-1)
        taken = right + ops.cumsum(others, axis=-1)
        precision = ops.divide_no_nan(right, taken)
        areas = ops.sum(shown * precision, axis=-1)
        each = ops.divide_no_nan(areas, total)
        occur = ops.cast(total > 0, "float32")
        return ops.divide_no_nan(ops.sum(each * occur), ops.sum(occur))


def _is_hit(y_true, y_pred):
    labels = y_true
    if _are_shares(y_true, y_pred):
        labels = ops.argmax(y_true, axis=-1)
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
    best = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
    return ops.cast(labels == best, "float32")


def _are_shares(y_true, y_pred):
    # Keras may give numbers of classes the rank of the logits.
    return len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1]


def _shares(y_true, y_pred):
    if _are_shares(y_true, y_pred):
        return ops.cast(y_true, y_pred.dtype)
    labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
    return ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)


def _smoothed(shares, smoothing, sigmoid):
    """As Keras' cross-entropies do: towards all classes, or towards a half."""
    evenly = 2 if sigmoid else shares.shape[-1]
    return shares * (1 - smoothing) + smoothing / evenly


def _softmax_focal(shares, logits, section):
    """Each class of the cross-entropy by `(1 - probability) ** gamma`."""
    logs = ops.log_softmax(logits, axis=-1)
    factors = (1 - ops.exp(logs)) ** section.focal_gamma
    return -ops.sum(shares * factors * logs, axis=-1)


def _sigmoid_focal(shares, logits, section):
    """Lin et al., 2017, equation 5, the mean over the classes."""
    chances = ops.sigmoid(logits)
    # Of what is so: that a class is there, or that it is not.
    missed = shares * (1 - chances) + (1 - shares) * chances
    alpha = section.focal_alpha
    weights = shares * alpha + (1 - shares) * (1 - alpha)
    each = ops.binary_crossentropy(shares, logits, from_logits=True)
    return ops.mean(weights * missed**section.focal_gamma * each, axis=-1)
