"""The steps that training clips go through, as a list that a file can hold."""

import collections.abc
import dataclasses
import typing

import numpy as np

from keras_vidrec.data.augmentation.color_jitter import ColorJitter
from keras_vidrec.data.augmentation.crop import Crop
from keras_vidrec.data.augmentation.cutmix import CutMix
from keras_vidrec.data.augmentation.flip import Flip
from keras_vidrec.data.augmentation.mixup import MixUp
from keras_vidrec.data.augmentation.rand_augment import RandAugment
from keras_vidrec.data.augmentation.random_erasing import RandomErasing
from keras_vidrec.data.augmentation.step import BatchStep
from keras_vidrec.data.augmentation.step import Numbered
from keras_vidrec.data.augmentation.step import Step
from keras_vidrec.data.augmentation.time_reverse import TimeReverse
from keras_vidrec.data.augmentation.unregistered import Unregistered
from keras_vidrec.data.clips.regions import Region
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import checks

STEPS = {
    "crop": Crop,
    "flip": Flip,
    "color_jitter": ColorJitter,
    "rand_augment": RandAugment,
    "random_erasing": RandomErasing,
    "time_reverse": TimeReverse,
    "mixup": MixUp,
    "cutmix": CutMix,
}
"""dict from the names of the steps in recipes to their classes."""
_NAMES = {step: name for name, step in STEPS.items()}
_EXPECTED = "a list of steps, such as [crop, flip, {color_jitter: 0.4}]"


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """The augmentation of training clips: a list of steps. The random values of
    a step are drawn once per clip and applied to all of its frames and streams.

    Args:
        steps: tuple. A `Crop`, then any number of `Step`, then any number of
            `BatchStep`, which mix the clips of a batch. Defaults to
            `(Crop(), Flip())`.

    Raises:
        ValueError: on anything else, or another order.
    """

    steps: tuple = (Crop(), Flip())

    def __post_init__(self):
        steps = self.steps
        steps = tuple(steps) if isinstance(steps, list) else steps
        checks.check(
            isinstance(steps, tuple)
            and all(isinstance(step, Numbered) for step in steps),
            "steps",
            "a list of steps of `data.augmentation`",
            steps,
        )
        checks.check(
            [isinstance(step, Crop) for step in steps]
            == [True] + [False] * (len(steps) - 1),
            "steps",
            "one crop, before all other steps, which makes images of the "
            "network's size",
            self._names(steps),
        )
        behind = [isinstance(step, BatchStep) for step in steps]
        checks.check(
            behind == sorted(behind),
            "steps",
            "the steps that mix clips of a batch after all others",
            self._names(steps),
        )
        object.__setattr__(self, "steps", steps)

    @classmethod
    def from_list(cls, values: collections.abc.Sequence) -> typing.Self:
        """The inverse of `to_list()`. A step may also be its name alone, and a
        single value that is no mapping is its first number.

        Raises:
            ValueError: on an unknown step, naming the nearest one, or as the
                step itself.
        """
        checks.check(
            isinstance(values, (list, tuple)), "augmentation", _EXPECTED, values
        )
        steps = tuple(step_of(value) for value in values)
        with checks.names(steps="augmentation"):
            return cls(steps)

    def to_list(self) -> list:
        """The steps as YAML and JSON hold them: dicts, each from the name of a
        step to its numbers by name. A class of your own has the name that it
        is registered by with Keras, `"package>Name"`."""
        return [{name_of(step): step.get_config()} for step in self.steps]

    @property
    def crop(self) -> Crop:
        """How crops are drawn."""
        return self.steps[0]

    @property
    def of_clips(self) -> tuple:
        """The steps of single clips behind the crop."""
        return tuple(s for s in self.steps[1:] if not isinstance(s, BatchStep))

    @property
    def of_batches(self) -> tuple:
        """The steps that mix the clips of a batch: labels become shares."""
        return tuple(s for s in self.steps if isinstance(s, BatchStep))

    @property
    def mirrors(self) -> bool:
        """Whether some clips are mirrored."""
        return any(isinstance(s, Flip) and s.probability for s in self.steps)

    def draw(
        self, rng: np.random.Generator, height: int, width: int, spec: ClipSpec
    ) -> tuple[Region, list]:
        """What is done to one clip.

        Args:
            rng: `np.random.Generator`.
            height, width: int. Of its resized frames.
            spec: `ClipSpec`.

        Returns:
            `(region, drawn)`: the `Region` of its crop, and what each of
            `of_clips` has drawn.
        """
        region = self.crop.draw(rng, height, width, spec)
        return region, [step.draw(rng, spec.size) for step in self.of_clips]

    def apply(
        self, images: np.ndarray, places: np.ndarray, modality: str, drawn: list
    ) -> tuple[np.ndarray, np.ndarray]:
        """The images of one stream, cropped, through all steps of clips.

        Args:
            images: uint8 array `(num_frames, size, size, colors)`, which may
                be changed.
            places: int array `(num_segments, images of a snippet)`.
            modality: str.
            drawn: of `draw`.

        Returns:
            `(images, places)`, changed.
        """
        is_rgb = modality.startswith("rgb")
        for step, own in zip(self.of_clips, drawn):
            if own is None:
                continue
            change = step.on_rgb if is_rgb else step.on_flow
            changed = change(images, own)
            _check_changed(step, changed, images)
            images, places = changed, step.on_time(places, own)
        return images, places

    def mix(
        self,
        clips: list[np.ndarray],
        labels: np.ndarray,
        rngs: collections.abc.Sequence[np.random.Generator],
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """The clips of a batch through all steps of batches, two neighbors
        together.

        Args:
            clips: list by stream of arrays `(batch, ...)`, an even number of
                clips.
            labels: float32 array `(batch, classes)`.
            rngs: sequence of `np.random.Generator`, of each pair.

        Returns:
            `(clips, labels)`, new arrays of the same shapes.
        """
        clips = [stream.copy() for stream in clips]
        labels = labels.copy()
        for pair, rng in enumerate(rngs):
            one, two = 2 * pair, 2 * pair + 1
            for step in self.of_batches:
                drawn = step.draw(rng)
                if drawn is None:
                    continue
                for stream in clips:
                    (stream[one], share), (stream[two], _) = (
                        step.mix(stream[one], stream[two], drawn),
                        step.mix(stream[two], stream[one], drawn),
                    )
                a, b = labels[one].copy(), labels[two].copy()
                labels[one] = share * a + (1 - share) * b
                labels[two] = share * b + (1 - share) * a
        return clips, labels

    def check_registered(self) -> None:
        """Refuses steps whose classes are not registered with Keras in this
        program. A file may contain the name of such a step, so that a network
        can be tested without it, but training needs the class.
        """
        for step in self.steps:
            if isinstance(step, Unregistered):
                what = "step of the augmentation (your own class is known "
                what += "once its file has been imported)"
                checks.known(what, step.name, _all_names())

    def check_features(self) -> None:
        """Refuses steps that cannot be applied to features, which were made of
        whole clips already: crops and flips are theirs, mixup is possible."""
        others = [
            name_of(step)
            for step in self.steps
            if not isinstance(step, (Crop, Flip, MixUp))
        ]
        checks.check(
            not others,
            "augmentation",
            "only crop, flip and mixup for features",
            others,
        )

    @staticmethod
    def _names(steps):
        """For errors: of classes that nothing is registered of, too."""
        return [_NAMES.get(type(s), type(s).__name__) for s in steps]


def name_of(step: typing.Any) -> str:
    """The name of a step in files: its key in `STEPS`, or as registered."""
    if type(step) in _NAMES:
        return _NAMES[type(step)]
    if isinstance(step, Unregistered):
        return step.name
    keras = _keras()
    name = keras.saving.get_registered_name(type(step))
    checks.check(
        keras.saving.get_registered_object(name) is type(step),
        "steps",
        "classes that `keras.saving.register_keras_serializable` has "
        "registered, so that files can name them",
        type(step).__name__,
    )
    return name


def step_of(value: typing.Any) -> Numbered:
    """The step that a file has as `{name: numbers}`, `{name: first number}` or
    `name`; as of `Augmentation.from_list`."""
    if isinstance(value, Numbered):
        return value
    name, config = value, None
    if isinstance(value, dict) and len(value) == 1:
        ((name, config),) = value.items()
    checks.check(isinstance(name, str), "augmentation", _EXPECTED, value)
    kind = _kind(name)
    if config is None:
        config = {}
    if kind is None:
        return Unregistered(name, config)
    prefix = f"augmentation.{name}."
    if dataclasses.is_dataclass(kind):
        numbers = [field.name for field in dataclasses.fields(kind)]
        if not isinstance(config, dict):
            config = dict.fromkeys(numbers[:1], config)
        for number in config:
            checks.known("number of a step", number, numbers, prefix)
    with checks.inside(prefix):
        expected = "a mapping of numbers by name"
        checks.check(isinstance(config, dict), "config", expected, config)
        try:
            return kind.from_config(config)
        except TypeError as error:
            raise ValueError(
                f"Cannot make the step {name!r} of the augmentation. Received: "
                f"{checks.shorten(repr(config))}: {error}"
            ) from error


def _kind(name):
    """The class of a step; `None` for a class that is not registered."""
    if name in STEPS:
        return STEPS[name]
    found = _keras().saving.get_registered_object(name)
    if isinstance(found, type) and issubclass(found, (Step, BatchStep)):
        return found
    if ">" not in name:
        checks.known("step of the augmentation", name, _all_names())
    return None


def _all_names():
    """Of the steps that are there, registered ones too."""
    registered = _keras().saving.get_custom_objects().items()
    own = [
        name
        for name, kind in registered
        if isinstance(kind, type) and issubclass(kind, (Step, BatchStep))
    ]
    return [*STEPS, *own]


def _keras():
    """Only classes of one's own need it: who reads videos does without."""
    import keras

    return keras


def _check_changed(step, changed, images):
    fits = isinstance(changed, np.ndarray) and (
        (changed.shape, changed.dtype) == (images.shape, images.dtype)
    )
    if not fits:
        received = (
            f"{changed.dtype} of shape {changed.shape}"
            if isinstance(changed, np.ndarray)
            else type(changed).__name__
        )
        raise ValueError(
            f"The step {type(step).__name__!r} of the augmentation must keep "
            f"the dtype and shape of its images. Expected {images.dtype} of "
            f"shape {images.shape}. Received: {received}"
        )
