"""The base classes of steps of an augmentation."""

import dataclasses
import typing

import numpy as np


class Numbered:
    """The base class of all steps: it converts a step's numbers to a config and
    back.

    The numbers of a subclass that is a dataclass are its fields. Any other
    subclass defines its own `get_config()`, as Keras' layers do.
    """

    def get_config(self) -> dict:
        """Returns the numbers of the step by name, in the form of YAML and
        JSON: the arguments that make an equal step."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(typing.cast(typing.Any, self))
        }

    @classmethod
    def from_config(cls, config: dict) -> typing.Self:
        """Makes a step of a config that `get_config()` returned.

        Raises:
            ValueError: if a number has a wrong value.
        """
        return cls(**config)

    def __eq__(self, other):
        same = type(self) is type(other)
        return same and self.get_config() == other.get_config()

    def __hash__(self):
        return hash((type(self), repr(self.get_config())))


class Step(Numbered):
    """A change of single training clips: random values are drawn once per clip
    and applied to all its frames and streams.

    A subclass defines `draw`, and those of `on_rgb`, `on_flow` and `on_time`
    that it needs; the others change nothing. They may change images in place.
    The clip has been cropped: all images are square and of one size.
    """

    def draw(self, rng: np.random.Generator, size: int) -> typing.Any:
        """Draws the random values of one clip.

        Args:
            rng: `np.random.Generator`, which depends on the seed, the epoch and
                the position of the clip in it. Use no other random numbers.
            size: int. Height and width of the images in pixels.

        Returns:
            Anything, as the argument `drawn` of the other methods; `None`
            leaves the clip unchanged.
        """
        raise NotImplementedError

    def on_rgb(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        """Changes frames, those of `rgb` and of `rgb_diff`.

        Args:
            images: uint8 array `(num_frames, size, size, 3)`, R G B, frames of
                the clip in the order of time. May be changed in place.
            drawn: what `draw` returned.

        Returns:
            uint8 array of the same shape.
        """
        del drawn
        return images

    def on_flow(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        """Changes flow: the positions of its vectors, and the vectors.

        Args:
            images: uint8 array `(num_frames, size, size, 2)` of x and y in the
                code of `flow.codec`, where 127.5 is no motion. May be changed
                in place.
            drawn: what `draw` returned.

        Returns:
            uint8 array of the same shape.
        """
        del drawn
        return images

    def on_time(self, places: np.ndarray, drawn: typing.Any) -> np.ndarray:
        """Changes the order of the images.

        Args:
            places: int array `(num_segments, images of a snippet)`: the index
                of each image of the clip among the images read.
            drawn: what `draw` returned.

        Returns:
            int array of the same shape.
        """
        del drawn
        return places


class BatchStep(Numbered):
    """A change of pairs of neighboring clips in a batch, each of which gets a
    part of the other's pixels and label.
    """

    def draw(self, rng: np.random.Generator) -> typing.Any:
        """Draws the random values of a pair of clips: anything, as the argument
        `drawn` of `mix`; `None` leaves both clips unchanged."""
        raise NotImplementedError

    def mix(
        self, clip: np.ndarray, other: np.ndarray, drawn: typing.Any
    ) -> tuple[np.ndarray, float]:
        """Mixes one stream of a clip with that of another clip.

        Args:
            clip, other: uint8 arrays `(num_segments, size, size, channels)` of
                one stream, or float32 features `(num_segments, features)`. Must
                not be changed.
            drawn: what `draw` returned.

        Returns:
            `(mixed, share)`: a new array like `clip`, and the weight of the
            label of `clip`, from 0 to 1; that of `other` is `1 - share`.
        """
        raise NotImplementedError


def happens(rng: np.random.Generator, probability: float) -> bool:
    """Draws whether an event of this probability happens."""
    if probability == 0.5:
        # Earlier versions drew mirrors this way: seeds give the same clips.
        return bool(rng.integers(2))
    return bool(rng.random() < probability)


def _plain(value):
    return [_plain(one) for one in value] if type(value) is tuple else value
