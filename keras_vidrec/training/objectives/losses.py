"""The loss and the metrics of a training."""

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
# Number of bins for logits from -`_EDGE` to `_EDGE`. Logits beyond are counted
# in the first or the last bin.
_BINS = 256
_EDGE = 12.0


def settled(data):
    """Returns the dataset with a recipe in which the loss and the activation of
    the classifier are set, if the recipe lets the labels determine them.

    Args:
        data: `Dataset` with its recipe.

    Returns:
        `Dataset`.

    Raises:
        ValueError: if the recipe needs one label per video but videos have
            several, or if the loss and the activation do not fit.
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
    """Compiles a network whose outputs are logits.

    For a network with auxiliary outputs, the loss is the sum of the losses of
    its towers. A loss on the joint predictions would favor the tower that
    learns faster (two-stream fusion, section 3.5): only their accuracy is
    measured.

    Args:
        model: keras.Model as `clip_logits_model` returns it. Its output is
            logits, or a dict of logits.
        optimizer: `keras.optimizers.Optimizer`.
        loss: `None` (softmax cross-entropy), or section `Loss` of a recipe.
            Defaults to `None`.
        sigmoid: bool. Whether each class has its own sigmoid, instead of the
            softmax. Defaults to `False`.
        several: bool. Whether videos have several labels. Then the mean average
            precision is measured instead of the accuracy. Defaults to `False`.
        class_weights: `None`, or float array `(classes,)`, as
            `class_weights.of` returns it: factors of the loss of a video.
            Accuracies are not weighted. Defaults to `None`.
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


def _make_variables(model: keras.Model, several: bool) -> None:
    """Creates the variables of the optimizer and the metrics. Keras would
    create them in the first step of `fit`, which TensorFlow would then trace
    twice."""
    if not model.optimizer.built:  # it is built in later phases
        model.optimizer.build(model.trainable_variables)
        channels_last.lay_out(model.optimizer.variables)
    if keras.backend.backend() == "tensorflow" and tf.distribute.has_strategy():
        return  # then `fit` creates those of the metrics before its first step
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
    """Repeats the labels of clips for each output of a network.

    Args:
        model: keras.Model as for `compile_logits`.
        clips: `tf.data.Dataset` of `data.pipeline.make`.

    Returns:
        `tf.data.Dataset` for `fit`; `clips` itself if there is one output.
    """
    if not isinstance(model.output, dict):
        return clips
    names = tuple(model.output)

    def repeat(inputs, label, *sample_weight):
        return inputs, {name: label for name in names}, *sample_weight

    return clips.map(repeat)


def accuracy_name(model):
    """Returns the name of the network's accuracy in the logs of `fit`, or of
    its mean average precision if videos have several labels. The value of the
    validation part has the prefix `val_`.
    """
    measure = getattr(model, "measure", "accuracy")
    if isinstance(model.output, dict):
        return f"{_JOINT}_{measure}"
    return measure


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ClassLoss(keras.losses.Loss):
    """The loss of logits `(batch, classes)`.

    Labels are class indices `(batch,)`, or shares of classes `(batch, classes)`
    from 0 to 1: for several labels per video, and for mixed clips, whose label
    is the mean of the labels of the clips.

    Args:
        section: section `Loss` of a recipe, or dict of its values.
        sigmoid: bool. As for `compile_logits`.
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
    """Share of clips whose class has the highest score. The class of a mixed
    clip is the one with the largest share."""

    def __init__(self, name="accuracy", **kwargs):
        super().__init__(_is_hit, name=name, **kwargs)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="keras_vidrec")
class MeanAveragePrecision(keras.metrics.Metric):
    """Mean average precision of logits, over the classes that occur.

    Logits are counted in bins of width 0.09, and logits in the same bin are
    treated as equal; `evaluation` computes the exact value. Classes that occur
    in no clip are not included.

    Args:
        num_classes: int. Number of classes.
        name: str. Defaults to `"mean_average_precision"`.
    """

    def __init__(self, num_classes, name="mean_average_precision", **kwargs):
        super().__init__(name=name, **kwargs)
        self._num_classes = num_classes
        self._counts = self.add_variable(
            # Of clips of the class, and of the other clips.
            shape=(2, num_classes, _BINS),
            initializer="zeros",
            name="counts",
        )

    def get_config(self):
        return {**super().get_config(), "num_classes": self._num_classes}

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds logits `y_pred` and labels `y_true` from 0 to 1, both of shape
        `(batch, classes)`, to the counts."""
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
    """Returns 1 for clips whose class has the highest score, else 0:
    `(batch,)`."""
    labels = y_true
    if _are_shares(y_true, y_pred):
        labels = ops.argmax(y_true, axis=-1)
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
    best = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
    return ops.cast(labels == best, "float32")


def _are_shares(y_true, y_pred):
    """Returns whether labels are shares of classes, and not class indices."""
    # Keras may add an axis to class indices.
    return len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1]


def _shares(y_true, y_pred):
    """The labels as shares of classes, `(batch, classes)`."""
    if _are_shares(y_true, y_pred):
        return ops.cast(y_true, y_pred.dtype)
    labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
    return ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)


def _smoothed(shares, smoothing, sigmoid):
    """Label smoothing as in Keras' cross-entropies: towards equal shares of all
    classes, or towards 0.5 for sigmoids."""
    evenly = 2 if sigmoid else shares.shape[-1]
    return shares * (1 - smoothing) + smoothing / evenly


def _softmax_focal(shares, logits, section):
    """Cross-entropy with the term of each class multiplied by
    `(1 - probability) ** gamma`."""
    logs = ops.log_softmax(logits, axis=-1)
    factors = (1 - ops.exp(logs)) ** section.focal_gamma
    return -ops.sum(shares * factors * logs, axis=-1)


def _sigmoid_focal(shares, logits, section):
    """The focal loss of Lin et al., 2017, equation 5, averaged over classes."""
    chances = ops.sigmoid(logits)
    # One minus the probability of the true state: present or absent.
    missed = shares * (1 - chances) + (1 - shares) * chances
    alpha = section.focal_alpha
    weights = shares * alpha + (1 - shares) * (1 - alpha)
    each = ops.binary_crossentropy(shares, logits, from_logits=True)
    return ops.mean(weights * missed**section.focal_gamma * each, axis=-1)
