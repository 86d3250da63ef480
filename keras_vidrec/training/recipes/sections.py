"""The sections of a recipe: frozen dataclasses that check their values.

`data` and `validation` are in `recipes.data`, `initialization` in
`recipes.initialization`, `schedule` in `recipes.schedule`; `test` is
`specs.TestProtocol`.
"""

import dataclasses

from keras_vidrec.specs import checks

# The solvers of the papers' programs, and Keras' optimizers.
OPTIMIZERS = (
    "sgd",
    "sgd_matconvnet",
    "sgd_torch",
    "rmsprop",
    "adam",
    "adadelta",
    "adafactor",
    "adagrad",
    "adamax",
    "adamw",
    "ftrl",
    "lamb",
    "lion",
    "muon",
)
# Roles of weights, for multipliers.
ROLES = ("first_convolution", "bias", "gamma", "beta", "head")
LOSSES = (
    "auto",
    "categorical_crossentropy",
    "binary_crossentropy",
    "focal",
)
FUSED_SCORES = ("logits", "probabilities")


@dataclasses.dataclass(frozen=True)
class Network:
    """The network of a recipe.

    Args:
        application: str. Name of a builder in `keras_vidrec.applications`.
        arguments: dict. Keyword arguments of the builder, without `classes`,
            which the dataset determines, and `dropout`, see `head_dropout`.
            Defaults to `{}`.
        head_dropout: `None` (the network's own), or float in [0, 1): rate of
            the dropout before the classifier, or before those of its towers; or
            dict of a rate for each stream, for `SpatiotemporalMultiplier` and
            `STResNet`. Defaults to `None`.
        batch_norm_momentum: `None` (each layer's own), or float in [0, 1):
            momentum of the moving statistics of all batch normalization layers.
            Defaults to `None`.
    """

    application: str = "TSN"
    arguments: dict = dataclasses.field(default_factory=dict)
    head_dropout: float | dict | None = None
    batch_norm_momentum: float | None = None

    def __post_init__(self):
        checks.check(
            isinstance(self.arguments, dict),
            "arguments",
            "a mapping of argument names to values",
            self.arguments,
        )
        if "dropout" in self.arguments:
            raise ValueError(
                "The dropout rate before the classifier has the same name "
                "in all recipes. Expected network.head_dropout. Received: "
                f"network.arguments.dropout={self.arguments['dropout']!r}"
            )
        if self.head_dropout is not None:
            # The network checks which streams it has.
            rates = self.head_dropout
            streams = rates if isinstance(rates, dict) else ()
            checks.rates("head_dropout", rates, streams)
        if self.batch_norm_momentum is not None:
            checks.number(
                "batch_norm_momentum", self.batch_norm_momentum, 0, 0.9999
            )


@dataclasses.dataclass(frozen=True)
class Loss:
    """The loss of a training.

    Args:
        kind: str. `"categorical_crossentropy"` (of the softmax, one label per
            video), `"binary_crossentropy"` (of a sigmoid for each class: one
            label or several, or none), `"focal"` (of the softmax or, for
            several labels, the sigmoids; well-recognized examples have less
            weight), or `"auto"`: the first for one label per video, the second
            for several. Defaults to `"auto"`.
        label_smoothing: float in [0, 1). Share of each label that is spread
            evenly over all classes, its own among them, or of a sigmoid
            over yes and no: in training, and in the loss of the validation
            part. Defaults to `0.0`.
        gamma: `None` (2), or float of at least 0. For `"focal"`: the loss of a
            class with probability p is multiplied by `(1 - p) ** gamma` (Lin et
            al., 2017, whose best value is 2). Defaults to `None`.
        alpha: `None` (0.25), or float between 0 and 1. For `"focal"` with
            sigmoids: weight of present classes; absent classes have `1 - alpha`
            (the same paper, whose best value with gamma 2 is 0.25). Defaults
            to `None`.
        class_weights: `None` (all classes have the same weight), `"auto"`
            (inversely proportional to the number of training videos of a
            class), or dict from class names to positive numbers, 1 for all
            others: factors of the loss of a video, in training and validation.
            Only their proportions matter: they are normalized to a mean of 1
            over the videos of an epoch, so that the learning rate keeps its
            meaning. Defaults to `None`.
    """

    kind: str = "auto"
    label_smoothing: float = 0.0
    gamma: float | None = None
    alpha: float | None = None
    class_weights: str | dict | None = None

    def __post_init__(self):
        checks.choice("kind", self.kind, LOSSES)
        checks.rate("label_smoothing", self.label_smoothing)
        for name, most in (("gamma", None), ("alpha", 1)):
            value = getattr(self, name)
            if value is not None:
                checks.number(name, value, 0, most)
                expected = f'None beside kind="{self.kind}", or kind="focal"'
                checks.check(self.kind == "focal", name, expected, value)
        self._check_class_weights()

    @property
    def focal_gamma(self):
        """`gamma`, or its default."""
        return 2.0 if self.gamma is None else self.gamma

    @property
    def focal_alpha(self):
        """`alpha`, or its default."""
        return 0.25 if self.alpha is None else self.alpha

    def _check_class_weights(self):
        weights = self.class_weights
        if isinstance(weights, dict):
            # YAML reads a class called 1 as a number.
            weights = {str(name): value for name, value in weights.items()}
            object.__setattr__(self, "class_weights", weights)
            known = weights and all(
                checks.is_number(value) and 0 < value < float("inf")
                for value in weights.values()
            )
        else:
            known = weights in (None, "auto")
        checks.check(
            known,
            "class_weights",
            'null, "auto", or a mapping of names of classes to positive '
            "numbers",
            self.class_weights,
        )


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """The optimizer of a training.

    Args:
        name: str. `"sgd"` is Caffe's, whose momentum contains the learning
            rates of past updates; `"sgd_torch"` that of Torch7, PyTorch and the
            MatConvNet of the spatiotemporal networks, whose momentum is
            multiplied by the current learning rate; `"sgd_matconvnet"` that of
            two-stream fusion's MatConvNet, which also resets the momentum at
            each epoch. `"adam"` is Torch7's, `"rmsprop"` Keras'. The others are
            Keras' optimizers of these names, with its defaults: `"adamw"`,
            `"lion"`, `"muon"` (for matrices; convolution kernels and vectors
            are updated by Adam), `"lamb"`, `"adafactor"`, ...
        learning_rate: float > 0. Where the schedule starts.
        momentum: float in [0, 1). Of SGD.
        nesterov: bool. Nesterov's momentum, of `"sgd_torch"` (the streams of
            TS-LSTM). Defaults to `False`.
        weight_decay: float. L2 decay, added to the gradient after clipping, as
            the authors' programs do. With Keras' optimizers it is decoupled
            from the gradient, as in Keras: its product with the learning rate
            is subtracted from the weight.
        learning_rate_multipliers: dict from the role of a weight to a number
            that its learning rate is multiplied by: `"first_convolution"` (of
            each tower), `"bias"`, `"gamma"`, `"beta"` (of batch normalization),
            `"head"` (behind the towers). A weight with two roles gets both
            factors. Defaults to `{}`.
        decay_multipliers: dict of the same form: of `weight_decay`. Defaults
            to `0` for biases, gammas and betas.
        clip_norm: `None`, or float: bound of the global L2 norm of the mean
            gradient of the effective batch, however this is split over devices
            and accumulated steps. Caffe clips the sum over `iter_size` batches;
            divide its bound by `iter_size`.
        clip_value: `None`, or float: bound of each element of that mean
            gradient (TS-LSTM). Not together with `clip_norm`.
        layer_decay: `None`, or float in (0, 1]: the rates of the layers of each
            tower fall by this factor from group to group of them, from the end
            to the beginning. A tower has 12 groups with about the same number
            of layers; layers after the towers have the full rate. Defaults to
            `None`: 1.
        ema: `None`, or float in (0, 1): an average of the weights is kept, `ema
            * average + (1 - ema) * weight` after each update, validated instead
            of them, and saved in `model.keras`. It spans about `1 / (1 - ema)`
            updates. Defaults to `None`.
        batch_size: int. Clips a step, over all devices.
        accumulate: int. Steps that make one update. The effective batch is
            `batch_size * accumulate`.
        sub_batch: `None`, or int: clips whose statistics batch normalization
            takes together in training, a divisor of a device's share of
            `batch_size` (4 in the multiplier's code). `None` is that share,
            or the whole batch where devices synchronize.
        reference_batch: `None`, or int: effective batch that `learning_rate`
            was published for. If the actual one differs, training prints this
            and the rate for the actual one.
        scale_learning_rate: bool. Whether to train with that rate: in
            proportion to the effective batch. Defaults to `False`.
    """

    name: str = "sgd"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    clip_norm: float | None = None
    clip_value: float | None = None
    batch_size: int = 128
    accumulate: int = 1
    learning_rate_multipliers: dict = dataclasses.field(default_factory=dict)
    decay_multipliers: dict = dataclasses.field(
        default_factory=lambda: dict.fromkeys(("bias", "gamma", "beta"), 0.0)
    )
    layer_decay: float | None = None
    ema: float | None = None
    sub_batch: int | None = None
    reference_batch: int | None = None
    scale_learning_rate: bool = False

    @property
    def effective_batch(self):
        """Number of clips in one update of the weights."""
        return self.batch_size * self.accumulate

    def __post_init__(self):
        checks.choice("name", self.name, OPTIMIZERS)
        checks.positive("learning_rate", self.learning_rate)
        checks.number("momentum", self.momentum, 0, 0.9999)
        checks.check(
            isinstance(self.nesterov, bool)
            and (
                not self.nesterov
                or (self.name == "sgd_torch" and self.momentum)
            ),
            "nesterov",
            'true or false; true only beside name="sgd_torch" with a momentum',
            self.nesterov,
        )
        checks.number("weight_decay", self.weight_decay, 0)
        for name in ("clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                checks.positive(name, getattr(self, name))
        checks.check(
            self.clip_norm is None or self.clip_value is None,
            "clip_value",
            f"null beside clip_norm={self.clip_norm}",
            self.clip_value,
        )
        if self.layer_decay is not None:
            checks.number("layer_decay", self.layer_decay, 1e-3, 1)
        checks.check(
            self.ema is None or checks.is_number(self.ema) and 0 < self.ema < 1,
            "ema",
            "null, or a number between 0 and 1, such as 0.999",
            self.ema,
        )
        checks.count("batch_size", self.batch_size)
        checks.count("accumulate", self.accumulate)
        for name in ("learning_rate_multipliers", "decay_multipliers"):
            _check_multipliers(name, getattr(self, name))
        if self.sub_batch is not None:
            checks.count("sub_batch", self.sub_batch)
            checks.check(
                self.sub_batch <= self.batch_size,
                "sub_batch",
                f"at most batch_size={self.batch_size}",
                self.sub_batch,
            )
        if self.reference_batch is not None:
            checks.count("reference_batch", self.reference_batch)
        checks.check(
            isinstance(self.scale_learning_rate, bool)
            and (not self.scale_learning_rate or self.reference_batch),
            "scale_learning_rate",
            "true or false; true only beside reference_batch, the effective "
            "batch that learning_rate was published for",
            self.scale_learning_rate,
        )


def _check_multipliers(name, values):
    checks.check(
        isinstance(values, dict)
        and all(
            role in ROLES
            and checks.is_number(value)
            and 0 <= value < float("inf")
            for role, value in values.items()
        ),
        name,
        f"a mapping of roles from {ROLES} to numbers of at least 0",
        values,
    )


@dataclasses.dataclass(frozen=True)
class Fusion:
    """How the scores of streams are fused: after training, or by a network
    that has a classifier for each of several towers.

    Args:
        weights: dict of numbers by modality, for the fusion of single streams
            after training (`vidrec fuse`); or by tower, for a network of
            several towers: `rgb` and `flow`, or `spatiotemporal` and `temporal`
            for two-stream fusion. Empty for equal weights. Defaults to `{}`.
        scores: str. Whether to fuse `"logits"` or `"probabilities"`. With the
            default and empty weights, a network keeps the values of its
            builder. Defaults to `"logits"`.
    """

    weights: dict = dataclasses.field(default_factory=dict)
    scores: str = "logits"

    def __post_init__(self):
        checks.check(
            isinstance(self.weights, dict),
            "weights",
            "a mapping of modalities to numbers",
            self.weights,
        )
        checks.choice("scores", self.scores, FUSED_SCORES)


@dataclasses.dataclass(frozen=True)
class Reported:
    """A figure that the paper reports. It was not measured with this package.

    Args:
        source: str. Paper and table.
        dataset: str. Name of the dataset.
        accuracy: float. Accuracy in percent.
        note: str. Details of the measurement. Defaults to `""`.
    """

    source: str
    dataset: str
    accuracy: float
    note: str = ""
