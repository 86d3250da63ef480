"""The augmentation of training clips: a list of steps, which can be written to
a file."""

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
        """Makes an augmentation of a list as `to_list()` returns it.

        A step may also be its name alone, for its defaults. A value that is
        not a mapping is the step's first number: `{flip: 0.5}`.

        Raises:
            ValueError: on an unknown step (the message names the nearest known
                one), and whatever the step itself raises.
        """
        checks.check(
            isinstance(values, (list, tuple)), "augmentation", _EXPECTED, values
        )
        steps = tuple(step_of(value) for value in values)
        with checks.names(steps="augmentation"):
            return cls(steps)

    def to_list(self) -> list:
        """Returns the steps in the form of YAML and JSON: a list of dicts, each
        from the name of a step to its numbers by name. The name of a custom
        step is the name under which its class is registered with Keras,
        `"package>Name"`."""
        return [{name_of(step): step.get_config()} for step in self.steps]

    @property
    def crop(self) -> Crop:
        """The first step: how crops are drawn."""
        return self.steps[0]

    @property
    def of_clips(self) -> tuple:
        """The steps after the crop that change single clips."""
        return tuple(s for s in self.steps[1:] if not isinstance(s, BatchStep))

    @property
    def of_batches(self) -> tuple:
        """The steps that mix the clips of a batch. With them labels are
        fractions of classes."""
        return tuple(s for s in self.steps if isinstance(s, BatchStep))

    @property
    def mirrors(self) -> bool:
        """Whether some clips are mirrored."""
        return any(isinstance(s, Flip) and s.probability for s in self.steps)

    def draw(
        self, rng: np.random.Generator, height: int, width: int, spec: ClipSpec
    ) -> tuple[Region, list]:
        """Draws the random values of one clip.

        Args:
            rng: `np.random.Generator`.
            height, width: int. Size of its resized frames in pixels.
            spec: `ClipSpec`. Says the size of crops.

        Returns:
            `(region, drawn)`: the `Region` of the crop, and a list of the
            values that each step of `of_clips` has drawn.
        """
        region = self.crop.draw(rng, height, width, spec)
        return region, [step.draw(rng, spec.size) for step in self.of_clips]

    def apply(
        self, images: np.ndarray, places: np.ndarray, modality: str, drawn: list
    ) -> tuple[np.ndarray, np.ndarray]:
        """Applies the steps of `of_clips` to the cropped images of one stream.

        Args:
            images: uint8 array `(num_frames, size, size, colors)`. May be
                changed in place.
            places: int array `(num_segments, images of a snippet)`: the index
                into `images` of each image of the clip.
            modality: str. Steps change rgb and rgb_diff by `on_rgb`, others by
                `on_flow`.
            drawn: list. The second value that `draw` returned.

        Returns:
            The changed `(images, places)`, of the same shapes.

        Raises:
            ValueError: if a step changes the shape or dtype of images.
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
        """Applies the steps of `of_batches` to each pair of neighboring clips
        of a batch.

        Args:
            clips: list of one array `(batch, ...)` for each stream, with an
                even number of clips.
            labels: float32 array `(batch, classes)`.
            rngs: sequence of `np.random.Generator`, one for each pair.

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
        """Refuses steps that cannot be applied to features.

        Only mixup is applied to features. Crop and flip are allowed, but have
        no effect, because features were computed from cropped clips.

        Raises:
            ValueError: if there is any other step.
        """
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
    def _names(steps: tuple) -> list[str]:
        """The names of steps for error messages; the name of the class for
        steps that are not registered."""
        return [_NAMES.get(type(s), type(s).__name__) for s in steps]


def name_of(step: typing.Any) -> str:
    """The name of a step in files: its key in `STEPS`, or the name under which
    its class is registered with Keras.

    Raises:
        ValueError: if the class is in neither.
    """
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
    """Makes a step of its form in files: `{name: numbers}`,
    `{name: first number}` or `name`, as in `Augmentation.from_list`.

    Raises:
        ValueError: on an unknown name, or wrong numbers.
    """
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


def _kind(name: str) -> type[Numbered] | None:
    """The class of a step, or `None` if the name is one of a custom class that
    is not registered in this program.

    Raises:
        ValueError: on an unknown name that is not that of a custom class.
    """
    if name in STEPS:
        return STEPS[name]
    found = _keras().saving.get_registered_object(name)
    if isinstance(found, type) and issubclass(found, (Step, BatchStep)):
        return found
    if ">" not in name:
        checks.known("step of the augmentation", name, _all_names())
    return None


def _all_names() -> list[str]:
    """The names of all steps: those of `STEPS` and the registered ones."""
    registered = _keras().saving.get_custom_objects().items()
    own = [
        name
        for name, kind in registered
        if isinstance(kind, type) and issubclass(kind, (Step, BatchStep))
    ]
    return [*STEPS, *own]


def _keras():
    """Imports Keras, which only custom steps need, when it is first used."""
    import keras

    return keras


def _check_changed(step: Step, changed, images: np.ndarray) -> None:
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
