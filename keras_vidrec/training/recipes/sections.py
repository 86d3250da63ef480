"""The sections of a recipe: frozen dataclasses that check their values.

`data` and `validation` are in `recipes.data`, `initialization` in
`recipes.initialization`; `test` is `specs.TestProtocol`.
"""

import dataclasses

from keras_vidrec.specs import checks
from keras_vidrec.training.recipes.phase import check_phases

# The solvers of the papers' programs, and those that Keras ships.
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
# Of weights.
ROLES = ("first_convolution", "bias", "gamma", "beta", "head")
SCHEDULES = ("constant", "step", "cosine", "one_cycle", "plateau", "keras")
# Those that a training in phases may follow from its begin to its end.
_OF_ALL_PHASES = ("constant", "cosine", "one_cycle", "keras")
FUSED_SCORES = ("logits", "probabilities")


@dataclasses.dataclass(frozen=True)
class Network:
    """Which network.

    Args:
        application: str. Name of a builder in `keras_vidrec.applications`.
        arguments: dict. Its keyword arguments; `classes` is filled in from
            the data.
        batch_norm_momentum: `None` (each layer's own), or float in [0, 1):
            what the moving statistics of all batch normalizations keep of
            their past in an update. Defaults to `None`.
    """

    application: str = "TSN"
    arguments: dict = dataclasses.field(default_factory=dict)
    batch_norm_momentum: float | None = None

    def __post_init__(self):
        checks.check(
            isinstance(self.arguments, dict),
            "arguments",
            "a mapping of argument names to values",
            self.arguments,
        )
        if self.batch_norm_momentum is not None:
            checks.number(
                "batch_norm_momentum", self.batch_norm_momentum, 0, 0.9999
            )


@dataclasses.dataclass(frozen=True)
class Loss:
    """What the network is trained by: softmax cross-entropy.

    Args:
        label_smoothing: float in [0, 1). Share of each label that is spread
            evenly over all classes, its own among them: in training, and in
            the loss of the validation part. Defaults to `0.0`.
    """

    label_smoothing: float = 0.0

    def __post_init__(self):
        checks.rate("label_smoothing", self.label_smoothing)


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How the weights move.

    Args:
        name: str. `"sgd"` is Caffe's, whose momentum keeps the rates of past
            updates; `"sgd_torch"` that of Torch7, PyTorch and the MatConvNet
            of the spatiotemporal networks, whose momentum takes the rate of
            the moment; `"sgd_matconvnet"` that of two-stream fusion's
            MatConvNet, which also begins each epoch without momentum.
            `"adam"` is Torch7's, `"rmsprop"` Keras'. The others are those
            that Keras ships under these names, with its numbers: `"adamw"`,
            `"lion"`, `"muon"` (of matrices; the kernels of convolutions and
            vectors move by Adam there), `"lamb"`, `"adafactor"`, ...
        learning_rate: float > 0. Where the schedule starts.
        momentum: float in [0, 1). Of SGD.
        nesterov: bool. Nesterov's momentum, of `"sgd_torch"` (the streams of
            TS-LSTM). Defaults to `False`.
        weight_decay: float. L2 decay, added to the gradient after clipping,
            as the authors' programs do. Of the optimizers that Keras ships it
            is decoupled from the gradient, as Keras has it: the weight loses
            its product with the rate.
        learning_rate_multipliers: dict from the role of a weight to a number
            that its learning rate is multiplied by: `"first_convolution"` (of
            each tower), `"bias"`, `"gamma"`, `"beta"` (of batch
            normalization), `"head"` (behind the towers). A weight of two
            roles takes both factors. Defaults to `{}`.
        decay_multipliers: dict of the same form: of `weight_decay`. Defaults
            to `0` for biases, gammas and betas.
        clip_norm: `None`, or float: bound of the global L2 norm of the mean
            gradient of the effective batch, however that is split over devices
            and accumulated steps. A bound that Caffe's program has for the
            sum over `iter_size` batches is divided by their number here.
        clip_value: `None`, or float: bound of each element of that mean
            gradient (TS-LSTM). Not together with `clip_norm`.
        layer_decay: `None`, or float in (0, 1]: the rates of the layers of
            each tower fall by this factor from group to group of them, from
            the end to the beginning. A tower has 12 groups of about as many
            layers each; layers behind the towers have the full rate. Defaults
            to `None`: 1.
        ema: `None`, or float in (0, 1): an average of the weights is kept,
            `ema * average + (1 - ema) * weight` after each update, validated
            in their place, and is what `model.keras` has. It looks back over
            about `1 / (1 - ema)` updates. Defaults to `None`.
        batch_size: int. Clips a step, over all devices.
        accumulate: int. Steps that make one update. The effective batch is
            `batch_size * accumulate`.
        sub_batch: `None`, or int: clips whose statistics batch normalization
            takes together in training, a divisor of a device's share of
            `batch_size` (4 in the multiplier's code). `None` is that share,
            or the whole batch where devices synchronize.
        reference_batch: `None`, or int: effective batch that `learning_rate`
            was published for. Where it differs from the real one, training
            says so and offers the rate for the real one.
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
        """Clips that one update of the weights has seen."""
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
class Schedule:
    """How long, and how the learning rate falls: exactly one of `epochs`,
    `steps` and `phases` is set.

    Args:
        epochs: `None` or int; 0, without a validation part, where the
            classifier is worked out and nothing is trained.
        passes: int. Passes over the training part that make an epoch: of what
            is logged, kept and validated, and what `boundaries` count.
            Defaults to `1`.
        steps: `None` or int. Optimizer steps.
        phases: tuple of `Phase`: parts of the training, one after the other,
            each with its epochs, its rate, and the layers that it trains.
            Defaults to `()`.
        kind: str. `"constant"`; `"step"` (times `factor` at each boundary);
            `"cosine"` (to `min_learning_rate` at the end); `"one_cycle"` (from
            a 25th of the rate up to it in the warm-up, or the first 30 % of
            the updates, and down as `"cosine"` then); `"plateau"` (times
            `factor` when the validation accuracy has not risen for `patience`
            epochs; takes a validation part); or `"keras"`, see `config`.
            Beside `phases`, `"step"` and `"plateau"` are for none, and the
            others for such without rates of their own.
        warmup: `None`, or str: how long the rate rises in even steps to where
            the schedule starts, `"5 epochs"`, or `"500 steps"` of the
            optimizer. Boundaries stay where they are; the curve of
            `"cosine"` and of `"keras"` begins after it. Not of `"plateau"`.
            Defaults to `None`.
        config: `None`, or dict: of kind `"keras"`, the schedule as Keras
            describes it, `{"class_name": "ExponentialDecay", "config": {...}}`:
            one of `keras.optimizers.schedules`, or a registered class of your
            own (`"package>Name"`). It is asked by the number of the update,
            and takes `optimizer.learning_rate` as its
            `initial_learning_rate`; `PiecewiseConstantDecay` has rates of its
            own. Defaults to `None`.
        boundaries: tuple of int, in the unit of `epochs` or `steps`.
        factor: float in (0, 1]. Defaults to `0.1`.
        patience: int. Epochs without a gain, of `"plateau"`. Defaults to `5`.
        min_learning_rate: float. Where `"plateau"` stops to lower the rate,
            and where `"cosine"` and `"one_cycle"` end. Defaults to `0.0`.
        early_stop: `None`, or int: epochs without a gain in the validation
            accuracy after which training ends, in whichever phase it is;
            takes a validation part.
    """

    epochs: int | None = None
    passes: int = 1
    steps: int | None = None
    phases: tuple = ()
    kind: str = "constant"
    warmup: str | None = None
    config: dict | None = None
    boundaries: tuple = ()
    factor: float = 0.1
    patience: int = 5
    min_learning_rate: float = 0.0
    early_stop: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "phases", check_phases(self.phases))
        self._check_length()
        checks.count("passes", self.passes)
        checks.choice("kind", self.kind, SCHEDULES)
        self._check_kind()
        self._check_warmup()
        boundaries = self.boundaries
        checks.check(
            isinstance(boundaries, (list, tuple))
            and all(map(checks.is_integer, boundaries))
            and list(boundaries) == sorted(set(boundaries)),
            "boundaries",
            "a list of rising integers",
            boundaries,
        )
        object.__setattr__(self, "boundaries", tuple(boundaries))
        checks.check(
            bool(self.boundaries) == (self.kind == "step"),
            "boundaries",
            'some for kind="step", none otherwise',
            self.boundaries,
        )
        checks.number("factor", self.factor, 1e-6, 1)
        checks.count("patience", self.patience)
        checks.number("min_learning_rate", self.min_learning_rate, 0)
        if self.early_stop is not None:
            checks.count("early_stop", self.early_stop)

    def _check_kind(self):
        expected, allowed = f"one of {_OF_ALL_PHASES} beside", _OF_ALL_PHASES
        what = "phases"
        if any(one.learning_rate is not None for one in self.phases):
            expected, allowed = '"constant" beside', ("constant",)
            what = "phases with rates of their own"
        checks.check(
            not self.phases or self.kind in allowed,
            "kind",
            f"{expected} {what} (phases=[] leaves them out)",
            self.kind,
        )
        config = self.config
        checks.check(
            config is None
            if self.kind != "keras"
            else isinstance(config, dict)
            and isinstance(config.get("class_name"), str)
            and isinstance(config.get("config", {}), dict)
            and config.keys() <= {"class_name", "config"},
            "config",
            'null, or beside kind="keras" a schedule of Keras: a mapping of '
            "class_name to its name and config to its arguments",
            config,
        )

    def _check_warmup(self):
        if self.warmup is None:
            return
        words = self.warmup.split() if isinstance(self.warmup, str) else []
        checks.check(
            len(words) == 2
            and words[0].isdecimal()
            and int(words[0]) > 0
            and words[1] in ("epoch", "epochs", "step", "steps"),
            "warmup",
            'null, or a length in epochs, such as "5 epochs", or in updates, '
            'such as "500 steps"',
            self.warmup,
        )
        checks.check(
            self.kind != "plateau",
            "warmup",
            'null beside kind="plateau", which moves the rate itself',
            self.warmup,
        )

    def _check_length(self):
        lengths = {"epochs": self.epochs, "steps": self.steps}
        given = [name for name in lengths if lengths[name] is not None]
        if self.phases:
            expected = "null beside phases, each of which has its epochs "
            expected += "(phases=[] leaves them out)"
        elif not given:
            expected = "a number, where there are neither steps nor phases"
            checks.check(False, "epochs", expected, self.epochs)
        else:
            first = given.pop(0)
            expected = f"either epochs or steps, null beside {first}="
            expected += str(lengths[first])
            checks.count(first, lengths[first], int(first != "epochs"))
        for name in given:
            checks.check(False, name, expected, lengths[name])


@dataclasses.dataclass(frozen=True)
class Fusion:
    """How the scores of streams are fused: after training, or by a network
    that has a classifier for each of several towers.

    Args:
        weights: dict of modality to number: in the recipe of a single stream,
            of its later fusion with others (`vidrec fuse`). In a network of
            several towers, of tower to number: `rgb` and `flow`, or
            `spatiotemporal` and `temporal` of two-stream fusion;
            empty for the same weights.
        scores: str. Fused on `"logits"` or `"probabilities"`. Left so
            together with empty weights, a network keeps its own.
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
    """A figure of the paper, never one of this package.

    Args:
        source: str. Paper and table.
        dataset: str.
        accuracy: float. Per cent.
        note: str. What it was measured on.
    """

    source: str
    dataset: str
    accuracy: float
    note: str = ""
