"""All settings of a training run, as one frozen dataclass."""

import collections.abc
import dataclasses
import os
import pathlib
import re
import typing

import yaml

from keras_vidrec.applications.parts.arguments import IMAGENET
from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import name_of
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs.fact import Fact
from keras_vidrec.training.recipes import step_settings
from keras_vidrec.training.recipes.data import Data
from keras_vidrec.training.recipes.data import Validation
from keras_vidrec.training.recipes.initialization import Initialization
from keras_vidrec.training.recipes.phase import Phase
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Fusion
from keras_vidrec.training.recipes.sections import Loss
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.recipes.sections import Reported

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclasses.dataclass(frozen=True)
class Recipe(Fact):
    """All settings of a training run.

    `from_dict()` is the inverse of `to_dict()`, `from_yaml()` that of
    `to_yaml()`. A run saves its recipe as `recipe.yaml`, and training from that
    file repeats the run. Each section is a frozen dataclass.

    Args:
        name: str. Name of the recipe.
        summary: str. One line that describes the recipe. Defaults to `""`.
        data: `Data`.
        network: `Network`.
        clip: dict. Changes to the training part of the `ClipSpec` that the
            network's builder made. Defaults to `{}`.
        initialization: `Initialization`.
        augmentation: `Augmentation`: its steps. A file has a list of their
            names and values.
        loss: `Loss`.
        optimizer: `Optimizer`.
        schedule: `Schedule`.
        validation: `Validation`.
        test: `TestProtocol`.
        fusion: `Fusion`.
        reported: tuple of `Reported`. Defaults to `()`.
        precision: str. Global dtype policy: `"float32"`, `"mixed_bfloat16"`
            or `"mixed_float16"`. Defaults to `"float32"`.
        rematerialize: bool. Whether to recompute the activations of the
            backbones in the backward pass instead of storing them (gradient
            checkpointing): less memory, more arithmetic, the same gradients.
            Defaults to `False`.
        seed: int. Seed of weights, order, crops and dropout. Defaults to `0`.

    Raises:
        ValueError: if a value is invalid.
    """

    name: str
    summary: str = ""
    data: Data = Data()
    network: Network = Network()
    clip: dict = dataclasses.field(default_factory=dict)
    initialization: Initialization = Initialization()
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule(epochs=1)
    validation: Validation = Validation()
    test: TestProtocol = TestProtocol()
    fusion: Fusion = Fusion()
    reported: tuple = ()
    precision: str = "float32"
    rematerialize: bool = False
    seed: int = 0

    def __post_init__(self):
        checks.check(
            isinstance(self.name, str) and self.name,
            "name",
            "a text",
            self.name,
        )
        checks.check(
            isinstance(self.clip, dict),
            "clip",
            "a mapping of ClipSpec fields to values",
            self.clip,
        )
        object.__setattr__(self, "reported", tuple(self.reported))
        known = {field.name for field in dataclasses.fields(ClipSpec)}
        for key in self.clip:
            _check_key(key, known, "clip.")
        checks.choice("precision", self.precision, PRECISIONS)
        checks.flag("rematerialize", self.rematerialize)
        checks.check(
            self.validation.is_wanted or not self.needs_validation,
            "validation.fraction",
            "a share above 0, or validation=listed, which "
            'schedule.kind="plateau" and schedule.early_stop need',
            self.validation.fraction,
        )
        worked_out = self.initialization.classifier != "random"
        checks.check(
            self.schedule.epochs != 0 or worked_out,
            "schedule.epochs",
            "a number of at least 1, or 0 with a computed "
            "initialization.classifier",
            self.schedule.epochs,
        )
        checks.count("seed", self.seed, 0)
        checks.check(
            self.data.sampling == "natural"
            or self.loss.class_weights != "auto",
            "loss.class_weights",
            f"null or a mapping beside data.sampling={self.data.sampling}, "
            "which already balances the classes",
            self.loss.class_weights,
        )
        self._check_rates()
        self._check_mixing()

    def _check_mixing(self):
        names = [*map(name_of, self.augmentation.of_batches)]
        checks.check(
            self.schedule.epochs != 0 or not names,
            "augmentation",
            "only steps of single clips if nothing is trained "
            "(schedule.epochs=0)",
            names,
        )
        checks.check(
            self.optimizer.batch_size % 2 == 0 or not names,
            "optimizer.batch_size",
            f"an even number of clips: {' and '.join(names)} mixes pairs of "
            "a batch",
            self.optimizer.batch_size,
        )

    def _check_rates(self):
        schedule, optimizer = self.schedule, self.optimizer
        floor, rate = schedule.min_learning_rate, optimizer.learning_rate
        checks.check(
            schedule.kind not in ("cosine", "one_cycle") or floor <= rate,
            "schedule.min_learning_rate",
            f"at most optimizer.learning_rate={rate:g}",
            floor,
        )
        checks.check(
            schedule.kind != "keras" or not optimizer.scale_learning_rate,
            "optimizer.scale_learning_rate",
            'false beside schedule.kind="keras", whose config may have rates '
            "of its own",
            optimizer.scale_learning_rate,
        )

    @property
    def needs_validation(self) -> bool:
        """Whether the schedule depends on validation results."""
        return bool(self.schedule.kind == "plateau" or self.schedule.early_stop)

    def to_dict(self) -> dict:
        """Returns the recipe as dicts, lists, numbers and strings, for JSON and
        YAML."""
        augmentation = self.augmentation.to_list()
        return {**super().to_dict(), "augmentation": augmentation}

    def to_yaml(self) -> str:
        """Returns the recipe as YAML text, in the order of its fields."""
        return yaml.safe_dump(
            self.to_dict(), sort_keys=False, allow_unicode=True
        )

    @classmethod
    def from_dict(
        cls, values: collections.abc.Mapping[str, typing.Any]
    ) -> typing.Self:
        """The inverse of `to_dict()`.

        Raises:
            ValueError: if a key is unknown (the message contains a similar
                one), or a value is invalid.
        """
        return _from_dict(cls, values, prefix="")

    @classmethod
    def from_yaml(cls, text: str) -> typing.Self:
        """The inverse of `to_yaml()`.

        Raises:
            ValueError: if the text is not a YAML mapping, or as for
                `from_dict`.
        """
        try:
            values = documents.parse_yaml(text)
        except ValueError as error:
            raise ValueError(
                f"Expected a recipe in YAML. Received: {error}"
            ) from None
        return cls._from_document(values)

    @classmethod
    def _from_document(cls, values):
        if not isinstance(values, dict):
            raise ValueError(
                "Expected a recipe as a YAML mapping. Received: "
                f"{type(values).__name__}"
            )
        return cls.from_dict(values)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> typing.Self:
        """Reads a recipe file.

        Raises:
            ValueError: as for `from_yaml`, with the path of the file.
        """
        path = pathlib.Path(path)
        values = documents.read_yaml(path)
        try:
            return cls._from_document(values)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None

    def with_data(self, **values: typing.Any) -> typing.Self:
        """Returns a copy with other values of the section `data`; a value of
        None keeps the recipe's. Paths (`pathlib.Path`) become absolute."""
        changes: dict[str, typing.Any] = {
            name: str(value.resolve())
            if isinstance(value, pathlib.Path)
            else value
            for name, value in values.items()
            if value is not None
        }
        with checks.inside("data."):
            data = dataclasses.replace(self.data, **changes)
        return dataclasses.replace(self, data=data)

    def with_absolute_paths(self) -> typing.Self:
        """Returns a copy in which the paths of the dataset and of the initial
        weights are absolute. URLs are kept."""
        data = self.data
        recipe = self.with_data(
            **{
                name: pathlib.Path(getattr(data, name))
                for name in ("directory", "list", "split_files")
                if getattr(data, name) is not None
                and not storage.is_url(getattr(data, name))
            }
        )
        weights = self.initialization.weights
        if isinstance(weights, dict):
            weights = {name: _absolute(path) for name, path in weights.items()}
        start = dataclasses.replace(
            self.initialization, weights=_absolute(weights)
        )
        return dataclasses.replace(recipe, initialization=start)

    def with_settings(
        self, settings: collections.abc.Sequence[str]
    ) -> typing.Self:
        """Returns a copy with single values changed.

        Args:
            settings: sequence of str `"section.key=value"`, values in YAML;
                `"schedule.phases[0].epochs=2"` for an item of a list;
                `"augmentation.flip.probability=0.3"` for a value of a step of
                the augmentation, `"augmentation.flip=false"` to leave the step
                out.

        Raises:
            ValueError: if a setting is malformed, a key is unknown, or a value
                is invalid.
        """
        values: dict[str, typing.Any] = {}
        for setting in settings:
            key, equals, text = setting.partition("=")
            if not equals:
                raise ValueError(
                    "Expected a setting as section.key=value. Received: "
                    f"{setting!r}"
                )
            values.pop(key.strip(), None)  # a repeated key is applied last
            try:
                values[key.strip()] = documents.parse_yaml(text)
            except ValueError:
                raise ValueError(
                    f"Expected a YAML value after `=`. Received: {setting!r}"
                ) from None
        return self.with_values(values)

    def with_values(
        self, values: collections.abc.Mapping[str, typing.Any]
    ) -> typing.Self:
        """Returns a copy with single values changed.

        Args:
            values: mapping of str `"section.key"` to values.

        Raises:
            ValueError: if a key is unknown or a value is invalid.
        """
        changed = self.to_dict()
        for path, value in values.items():
            # An index of a list becomes a key.
            keys = re.sub(r"\[(-?\d+)\]", r".\1", path).split(".")
            if keys[0] == "augmentation" and len(keys) > 1:
                step_settings.assign(changed[keys[0]], keys[1:], _number(value))
                continue
            # A directory may have a name such as 1e5.
            names_files = keys[0] in ("data", "initialization")
            _assign(changed, keys, value if names_files else _number(value))
        return type(self).from_dict(changed)


def _assign(values, keys, value):
    """Sets a nested value. Free mappings such as `network.arguments` and `clip`
    take new keys; `from_dict` raises an error for other unknown keys."""
    for depth, key in enumerate(keys[:-1]):
        if depth == 0:
            _check_key(key, set(values), "")
        if isinstance(values, list):
            values = values[_place(values, keys[: depth + 1])]
            continue
        # A missing key can only be one of a free mapping.
        values = values.setdefault(key, {})
        if not isinstance(values, (dict, list)):
            raise ValueError(
                f"Expected a section. Received: {'.'.join(keys)!r}, where "
                f"{key!r} is the single value {values!r}"
            )
    last = _place(values, keys) if isinstance(values, list) else keys[-1]
    values[last] = value


def _place(values: list, keys: list[str]) -> int:
    """The last key as an index of the list `values`."""
    if keys[-1].isdecimal() and int(keys[-1]) < len(values):
        return int(keys[-1])
    name, number = ".".join(keys[:-1]), keys[-1]
    raise ValueError(
        f"Expected one of the {len(values)} values of {name}, counted from 0. "
        f"Received: {name}[{number}]"
    )


def _absolute(path):
    """The absolute path of an existing file. Other values are returned as they
    are; opening them raises an error if they are invalid."""
    if path == IMAGENET:  # never a path, even if such a file exists
        return path
    if isinstance(path, str) and path and pathlib.Path(path).exists():
        return str(pathlib.Path(path).resolve())
    return path


def _number(value):
    """Converts a text such as `1e-3` to a number: YAML 1.1 reads it as text."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _check_key(key: str, known: set[str], prefix: str) -> None:
    checks.known("recipe key", key, known, prefix)


def _from_dict(cls, values, prefix):
    """Makes a recipe, or one of its sections, from a dict.

    Args:
        cls: the dataclass.
        values: dict, as `to_dict` returns it.
        prefix: str. Key of the section with a dot, such as `"data."`, for error
            messages.
    """
    if not isinstance(values, dict):
        raise ValueError(
            f"Expected a mapping for {prefix.rstrip('.') or 'the recipe'!r}. "
            f"Received: {checks.shorten(repr(values))}"
        )
    fields = {field.name: field for field in dataclasses.fields(cls)}
    arguments = {}
    for key, value in values.items():
        _check_key(key, set(fields), prefix)
        kind = fields[key].type
        if kind is Validation and value == "listed":
            value = Validation(listed=True)
        elif kind is Augmentation:
            value = Augmentation.from_list(value)
        elif dataclasses.is_dataclass(kind):
            value = _from_dict(kind, value, f"{prefix}{key}.")
        elif key in _LISTS:
            value = _from_list(key, value, prefix)
        else:
            value = _number(value) if kind in _NUMBERS else value
        arguments[key] = value
    missing = [
        name
        for name, field in fields.items()
        if name not in arguments
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(
            f"Expected the recipe key {prefix + missing[0]!r}. Received only: "
            f"{sorted(map(str, values))}"
        )
    with checks.inside(prefix):
        return cls(**arguments)


def _from_list(key: str, values: list, prefix: str) -> tuple:
    """Makes a tuple of sections from a list of dicts. Errors contain the index
    of the section."""
    kind, what = _LISTS[key]
    with checks.inside(prefix):
        expected = f"a list of {what}"
        checks.check(isinstance(values, (list, tuple)), key, expected, values)
    return tuple(
        _from_dict(kind, value, f"{prefix}{key}[{number}].")
        for number, value in enumerate(values)
    )


_LISTS = {"reported": (Reported, "figures"), "phases": (Phase, "phases")}
_NUMBERS = (float, float | None)
