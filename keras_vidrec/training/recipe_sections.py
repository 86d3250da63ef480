"""The sections of a recipe: frozen dataclasses that check their values."""

import dataclasses
import typing

from keras_vidrec.clip_spec import MODALITIES
from keras_vidrec.clip_spec import SAMPLINGS
from keras_vidrec.clip_spec import TEST_CROPS
from keras_vidrec.weights.cross_modality import MODES as INFLATIONS

LAYOUTS = ("auto", "ucf101", "hmdb51", "folder", "list")
OPTIMISERS = ("sgd", "rmsprop", "adam")
SCHEDULES = ("constant", "step", "cosine")
FUSED_SCORES = ("logits", "probabilities")


def check(condition, name, expected, received):
    if not condition:
        raise ValueError(
            f"Invalid recipe value `{name}`. Expected {expected}. Received: "
            f"{name}={received!r}"
        )


def check_choice(section, name, choices):
    value = getattr(section, name)
    check(value in choices, name, f"one of {choices}", value)


def check_number(section, name, low, high=None, kind=(int, float)):
    value = getattr(section, name)
    ok = isinstance(value, kind) and not isinstance(value, bool)
    ok = ok and value >= low and (high is None or value <= high)
    limit = "" if high is None else f" and at most {high}"
    noun = "an integer" if kind is int else "a number"
    check(ok, name, f"{noun} of at least {low}{limit}", value)


def _text(value):
    return str(value) if isinstance(value, (int, float)) else value


@dataclasses.dataclass(frozen=True)
class Data:
    """Which clips.

    Args:
        directory: `None`, or str: directory of videos, of frame folders, or of
            a dataset that `vidrec prepare` made.
        layout: str. `"auto"` looks; `"ucf101"`, `"hmdb51"`, `"folder"` (a
            folder a class), `"list"` (a CSV file).
        list: `None`, or str: CSV file with columns path, label and optionally
            group, split; of frame folders also a list of TSN (`path num_frames
            label`).
        split_files: `None`, or str: directory of official split files, or of
            lists of TSN.
        split: int. Number of the split. Defaults to `1`.
        test_fraction: float in (0, 1). Share of each class for the test where
            a layout has no split of its own. Defaults to `0.25`.
    """

    directory: str | None = None
    layout: str = "auto"
    list: str | None = None
    split_files: str | None = None
    split: int = 1
    test_fraction: float = 0.25

    def __post_init__(self):
        for name in ("directory", "list", "split_files"):
            value = getattr(self, name)
            if value is not None:  # YAML reads a directory 2020 as a number
                object.__setattr__(self, name, str(value))
        check_choice(self, "layout", LAYOUTS)
        check_number(self, "split", 1, kind=int)
        check_number(self, "test_fraction", 0.01, 0.99)


@dataclasses.dataclass(frozen=True)
class Network:
    """Which network.

    Args:
        application: str. Name of a builder in `keras_vidrec.applications`.
        arguments: dict. Its keyword arguments; `classes` is filled in from
            the data.
    """

    application: str = "TSN"
    arguments: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        check(
            isinstance(self.arguments, dict),
            "arguments",
            "a mapping of argument names to values",
            self.arguments,
        )


@dataclasses.dataclass(frozen=True)
class Initialisation:
    """Where the weights start.

    Args:
        weights: `None` (random), or path of a run or a `.keras` file: of the
            same modality, or of rgb for a network of motion. For a network
            of two streams: dict of such paths by stream, `{"rgb": ...,
            "flow": ...}`, of networks of one stream each; or one path, of a
            network of the same two. For a network over features with towers
            inside (STFN's second stage): `{"rgb": ..., "flow": ...,
            "network": ...}`, the towers from networks of one stream each,
            everything else from a network that was trained on features of
            these; every layer must be in one of them.
        inflation: str. How an rgb first convolution is to serve the channels
            of motion: `"mean"`, `"symmetric"` or `"scaled"`, as
            `weights.cross_modality` says. Defaults to `"mean"` (TSN).
        partial_batch_norm: bool. Freeze every batch normalisation but the
            first of each tower (TSN section 3.2).
        frozen: tuple of str. Streams whose towers stay as they start, batch
            normalisation included: of two-stream fusion, only the layers from
            the fusion on are trained (its section 3.5). They need `weights`.
            Defaults to `()`.
    """

    weights: str | dict | None = None
    inflation: str = "mean"
    partial_batch_norm: bool = False
    frozen: tuple = ()

    def __post_init__(self):
        # YAML reads a run 2020 as a number.
        if isinstance(self.weights, dict):
            weights = {s: _text(path) for s, path in self.weights.items()}
            object.__setattr__(self, "weights", weights)
        else:
            object.__setattr__(self, "weights", _text(self.weights))
        check_choice(self, "inflation", INFLATIONS)
        check(
            isinstance(self.partial_batch_norm, bool),
            "partial_batch_norm",
            "true or false",
            self.partial_batch_norm,
        )
        frozen = self.frozen
        check(
            isinstance(frozen, (list, tuple))
            and all(stream in MODALITIES for stream in frozen)
            and len(set(frozen)) == len(frozen),
            "frozen",
            f"a list of different streams from {MODALITIES}",
            frozen,
        )
        object.__setattr__(self, "frozen", tuple(frozen))


@dataclasses.dataclass(frozen=True)
class Optimiser:
    """How the weights move.

    Args:
        name: str. `"sgd"`, `"rmsprop"` or `"adam"`.
        learning_rate: float > 0. Where the schedule starts.
        momentum: float in [0, 1). Of SGD.
        weight_decay: float. L2 decay of convolution and dense kernels, added
            to the gradient after clipping, as Caffe does (not of biases and
            batch normalisation).
        clip_norm: `None`, or float: bound of the global L2 norm of the
            gradient.
        clip_value: `None`, or float: bound of each element of the gradient
            (TS-LSTM). Not together with `clip_norm`.
        batch_size: int. Clips a step, over all devices.
        accumulate: int. Steps whose gradients are summed for one update.
    """

    name: str = "sgd"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip_norm: float | None = None
    clip_value: float | None = None
    batch_size: int = 128
    accumulate: int = 1

    def __post_init__(self):
        check_choice(self, "name", OPTIMISERS)
        check_number(self, "learning_rate", 1e-12)
        check_number(self, "momentum", 0, 0.9999)
        check_number(self, "weight_decay", 0)
        for name in ("clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                check_number(self, name, 1e-12)
        check(
            self.clip_norm is None or self.clip_value is None,
            "clip_value",
            f"null beside clip_norm={self.clip_norm}",
            self.clip_value,
        )
        check_number(self, "batch_size", 1, kind=int)
        check_number(self, "accumulate", 1, kind=int)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long, and how the learning rate falls.

    Args:
        epochs: `None` or int. Passes over the training part.
        steps: `None` or int. Optimiser steps; exactly one of the two is set.
        kind: str. `"constant"`, `"step"` (times `factor` at each boundary), or
            `"cosine"` (to zero at the end).
        boundaries: tuple of int, in the unit of `epochs` or `steps`.
        factor: float in (0, 1]. Defaults to `0.1`.
    """

    epochs: int | None = None
    steps: int | None = None
    kind: str = "constant"
    boundaries: tuple = ()
    factor: float = 0.1

    def __post_init__(self):
        check(
            (self.epochs is None) != (self.steps is None),
            "schedule",
            "either epochs or steps",
            (self.epochs, self.steps),
        )
        check_number(
            self, "steps" if self.epochs is None else "epochs", 1, kind=int
        )
        check_choice(self, "kind", SCHEDULES)
        check(
            isinstance(self.boundaries, (list, tuple)),
            "boundaries",
            "a list of integers",
            self.boundaries,
        )
        object.__setattr__(self, "boundaries", tuple(self.boundaries))
        rising = list(self.boundaries) == sorted(set(self.boundaries))
        check(
            rising and all(isinstance(b, int) for b in self.boundaries),
            "boundaries",
            "rising integers",
            self.boundaries,
        )
        check(
            bool(self.boundaries) == (self.kind == "step"),
            "boundaries",
            'some for kind="step", none otherwise',
            self.boundaries,
        )
        check_number(self, "factor", 1e-6, 1)


@dataclasses.dataclass(frozen=True)
class Validation:
    """A validation part, carved out of the training groups, never out of the
    test list. With one, `model.keras` is the best epoch's model; without, the
    last one's.

    Args:
        fraction: float in [0, 1). Share of the training groups; 0 is none.
        seed: int. Which groups. Defaults to `0`.
    """

    fraction: float = 0.0
    seed: int = 0

    def __post_init__(self):
        check_number(self, "fraction", 0, 0.9)
        check_number(self, "seed", 0, kind=int)


@dataclasses.dataclass(frozen=True)
class Test:
    """How the network is tested.

    Args:
        num_segments: int. Snippets a video, or chunks a clip. Defaults to
            `25` (TSN section 4.1).
        sampling: `None` (as trained), or str: a grid of `data.sampling`.
        crops: str. `"centre"`, `"ten"` (corners, centre, and mirrors),
            `"frame"` (the whole frame) or `"frame_and_mirror"`. Whole frames
            take a network that was built for any size.
        num_clips: int. Clips of a video, evenly spread; more than one of
            chunks or of uniform segments (STFN) only. Defaults to `1`.
        stride: `None` (the middle of the range trained with), or int: distance
            of the chunks in frames, at most; of chunks only.
    """

    # pytest would take the name for a test class.
    __test__: typing.ClassVar[bool] = False

    num_segments: int = 25
    sampling: str | None = None
    crops: str = "ten"
    num_clips: int = 1
    stride: int | None = None

    def __post_init__(self):
        check_number(self, "num_segments", 1, kind=int)
        check_number(self, "num_clips", 1, kind=int)
        if self.stride is not None:
            check_number(self, "stride", 1, kind=int)
        if self.sampling is not None:
            check_choice(self, "sampling", SAMPLINGS)
        check_choice(self, "crops", tuple(TEST_CROPS))


@dataclasses.dataclass(frozen=True)
class Fusion:
    """How the streams of a recipe are fused after training.

    Args:
        weights: dict of modality to number; empty where there is one stream.
        scores: str. Fused on `"logits"` or `"probabilities"`.
    """

    weights: dict = dataclasses.field(default_factory=dict)
    scores: str = "logits"

    def __post_init__(self):
        check(
            isinstance(self.weights, dict),
            "weights",
            "a mapping of modalities to numbers",
            self.weights,
        )
        check_choice(self, "scores", FUSED_SCORES)


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
