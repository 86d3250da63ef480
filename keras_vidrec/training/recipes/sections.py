"""The sections of a recipe: frozen dataclasses that check their values.

The section `test` is `specs.TestProtocol`.
"""

import dataclasses

from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks
from keras_vidrec.training.recipes.phase import check_phases
from keras_vidrec.weights.cross_modality import MODES as INFLATIONS

LAYOUTS = ("auto", "ucf101", "hmdb51", "folder", "list")
OPTIMIZERS = ("sgd", "sgd_matconvnet", "sgd_torch", "rmsprop", "adam")
# Of weights.
ROLES = ("first_convolution", "bias", "gamma", "beta", "head")
SCHEDULES = ("constant", "step", "cosine", "plateau")
FUSED_SCORES = ("logits", "probabilities")


@dataclasses.dataclass(frozen=True)
class Data:
    """Which clips.

    Args:
        directory: `None`, or str: directory of videos, of frame folders, or of
            a dataset that `vidrec prepare` made.
        layout: str. `"auto"` looks; `"ucf101"`, `"hmdb51"`, `"folder"` (a
            folder a class), `"list"` (a CSV file).
        list: `None`, or str: a list of the videos, in one of the forms of the
            guide: a CSV file with columns path, label and optionally group,
            split, start, end; of frame folders also a list of TSN (`path
            num_frames label`).
        split_files: `None`, or str: directory of official split files, or of
            lists of TSN.
        split: int. Number of the split. Defaults to `1`.
        test_fraction: float in (0, 1). Share of each class for the test where
            a layout has no split of its own. Defaults to `0.25`.
        keep_damaged: bool. Whether clips that have lost over 10 % of their
            frames are trained on. Defaults to `False`.
    """

    directory: str | None = None
    layout: str = "auto"
    list: str | None = None
    split_files: str | None = None
    split: int = 1
    test_fraction: float = 0.25
    keep_damaged: bool = False

    def __post_init__(self):
        for name in ("directory", "list", "split_files"):
            value = getattr(self, name)
            if value is not None:  # YAML reads a directory 2020 as a number
                object.__setattr__(self, name, str(value))
        checks.choice("layout", self.layout, LAYOUTS)
        checks.count("split", self.split)
        checks.number("test_fraction", self.test_fraction, 0.01, 0.99)
        checks.flag("keep_damaged", self.keep_damaged)


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
class Initialization:
    """Where the weights start.

    Args:
        weights: `None` (random), or path of a run or a `.keras` file: of the
            same modality, or of rgb for a network of motion. For a network
            of two streams: dict of such paths by stream, `{"rgb": ...,
            "flow": ...}`, of networks of one stream each; or one path, of a
            network of the same two, such as the stage before. Of a network
            over features with towers inside (STFN), those of one stream start
            the towers, and what is behind them starts at random; a run over
            features starts all of it, joined with what made the features. Or
            `"imagenet"`, alone or for a stream of the dict: its tower from
            ImageNet's weights (`weights.imagenet`), which Keras downloads or
            a package brings; for a file or a run of this name write
            `"./imagenet"`.
        inflation: str. How an rgb first convolution is to serve the channels
            of motion: `"avg"`, `"symmetric"` or `"scaled"`, as
            `weights.cross_modality` says, for a path of rgb and for
            `"imagenet"`. Defaults to `"avg"` (TSN).
        copy_head: bool. Whether the classifier of a network of motion that
            starts from one of rgb starts from the rgb classifier too, where
            the classes are as many. Defaults to `False`: from random weights,
            as in TSN's programs.
        partial_batch_norm: bool. Freeze every batch normalization but the
            first of each tower (TSN section 3.2).
        frozen: tuple of str. Streams whose towers stay as they start, batch
            normalization included: of two-stream fusion, only the layers from
            the fusion on are trained (its section 3.5), of STFN's first stage
            only what is behind the towers (4.2). They need `weights`.
            Defaults to `()`.
    """

    weights: str | dict | None = None
    inflation: str = "avg"
    copy_head: bool = False
    partial_batch_norm: bool = False
    frozen: tuple = ()

    def __post_init__(self):
        # YAML reads a run 2020 as a number.
        if isinstance(self.weights, dict):
            weights = {s: _text(path) for s, path in self.weights.items()}
            object.__setattr__(self, "weights", weights)
        else:
            object.__setattr__(self, "weights", _text(self.weights))
        checks.choice("inflation", self.inflation, INFLATIONS)
        checks.flag("copy_head", self.copy_head)
        checks.flag("partial_batch_norm", self.partial_batch_norm)
        frozen = self.frozen
        checks.check(
            isinstance(frozen, (list, tuple))
            and all(stream in MODALITIES for stream in frozen)
            and len(set(frozen)) == len(frozen),
            "frozen",
            f"a list of different streams from {MODALITIES}",
            frozen,
        )
        object.__setattr__(self, "frozen", tuple(frozen))


def _text(value):
    return str(value) if isinstance(value, (int, float)) else value


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How the weights move.

    Args:
        name: str. `"sgd"` is Caffe's, whose momentum keeps the rates of past
            updates; `"sgd_torch"` that of Torch7, PyTorch and the MatConvNet
            of the spatiotemporal networks, whose momentum takes the rate of
            the moment; `"sgd_matconvnet"` that of two-stream fusion's
            MatConvNet, which also begins each epoch without momentum.
            `"adam"` is Torch7's, `"rmsprop"` Keras'.
        learning_rate: float > 0. Where the schedule starts.
        momentum: float in [0, 1). Of SGD.
        nesterov: bool. Nesterov's momentum, of `"sgd_torch"` (the streams of
            TS-LSTM). Defaults to `False`.
        weight_decay: float. L2 decay, added to the gradient after clipping,
            as the authors' programs do.
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
        epochs: `None` or int.
        passes: int. Passes over the training part that make an epoch: of what
            is logged, kept and validated, and what `boundaries` count.
            Defaults to `1`.
        steps: `None` or int. Optimizer steps.
        phases: tuple of `Phase`: parts of the training, one after the other,
            each with its epochs, its rate, and the layers that it trains.
            Defaults to `()`.
        kind: str. `"constant"`, `"step"` (times `factor` at each boundary),
            `"cosine"` (to zero at the end), or `"plateau"` (times `factor`
            when the validation accuracy has not risen for `patience` epochs;
            takes a validation part). `"constant"` beside `phases`.
        boundaries: tuple of int, in the unit of `epochs` or `steps`.
        factor: float in (0, 1]. Defaults to `0.1`.
        patience: int. Epochs without a gain, of `"plateau"`. Defaults to `5`.
        min_learning_rate: float. Where `"plateau"` stops to lower the rate.
            Defaults to `0.0`.
        early_stop: `None`, or int: epochs without a gain in the validation
            accuracy after which training ends, in whichever phase it is;
            takes a validation part.
    """

    epochs: int | None = None
    passes: int = 1
    steps: int | None = None
    phases: tuple = ()
    kind: str = "constant"
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
        checks.check(
            self.kind == "constant" or not self.phases,
            "kind",
            '"constant" beside phases, each of which has a rate of its own '
            "(phases=[] leaves them out)",
            self.kind,
        )
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
            checks.count(first, lengths[first])
        for name in given:
            checks.check(False, name, expected, lengths[name])


@dataclasses.dataclass(frozen=True)
class Validation:
    """A validation part: the one that the dataset lists, or carved out of the
    training groups, never out of the test list. With one, `model.keras` is the
    best epoch's model; without, the last one's.

    Args:
        fraction: float in [0, 1). Share of the training groups; 0 is none.
        seed: int. Which groups. Defaults to `0`.
        listed: bool. Whether it is the part of the dataset itself, of its list
            or its folders (`val`). In YAML `validation: listed` says the same.
            Defaults to `False`.
        auto: bool. Of a recipe for any videos: whether a part that the
            dataset lists goes before `fraction`, and whether training does
            without where no class has two training groups, which it says.
            Defaults to `False`.
    """

    fraction: float = 0.0
    seed: int = 0
    listed: bool = False
    auto: bool = False

    def __post_init__(self):
        checks.number("fraction", self.fraction, 0, 0.9)
        checks.count("seed", self.seed, 0)
        checks.flag("listed", self.listed)
        checks.flag("auto", self.auto)
        checks.check(
            not (self.listed and self.fraction),
            "fraction",
            "0 beside listed=true",
            self.fraction,
        )

    @property
    def is_wanted(self):
        """Whether there is to be a validation part."""
        return self.listed or self.fraction > 0


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
