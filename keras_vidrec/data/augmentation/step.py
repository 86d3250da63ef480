"""What a step of an augmentation is: its numbers, what it draws for a clip,
and what it does to the images of each stream."""

import dataclasses
import typing

import numpy as np


class Numbered:
    """What all steps have in common: numbers, there and back.

    A subclass that is a frozen dataclass has its fields as numbers; any other
    writes its own `get_config()`, as Keras' layers do.
    """

    def get_config(self) -> dict:
        """The numbers of the step, as YAML and JSON hold them: the arguments
        of another one like it."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(typing.cast(typing.Any, self))
        }

    @classmethod
    def from_config(cls, config: dict) -> typing.Self:
        """The inverse of `get_config()`.

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

    A subclass writes `draw`, and of the others those that it needs; what it
    leaves out changes nothing. It may change images in place. The clip has
    been cropped: all images are square and of one size.
    """

    def draw(self, rng: np.random.Generator, size: int) -> typing.Any:
        """What is done to one clip.

        Args:
            rng: `np.random.Generator`, a function of the seed, the epoch and
                the place of the clip in it. The only source of chance.
            size: int. Height and width of the images in pixels.

        Returns:
            Anything that the other methods understand; `None` leaves the clip
            as it is.
        """
        raise NotImplementedError

    def on_rgb(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        """Changes frames, also those whose differences a network sees.

        Args:
            images: uint8 array `(num_frames, size, size, 3)`, R G B, frames of
                the clip in the order of time.
            drawn: what `draw` returned.

        Returns:
            uint8 array of the same shape.
        """
        del drawn
        return images

    def on_flow(self, images: np.ndarray, drawn: typing.Any) -> np.ndarray:
        """Changes flow: where its vectors are, and the vectors themselves.

        Args:
            images: uint8 array `(num_frames, size, size, 2)` of x, y, 127.5
                being none. See `flow.codec`.
            drawn: what `draw` returned.

        Returns:
            uint8 array of the same shape.
        """
        del drawn
        return images

    def on_time(self, places: np.ndarray, drawn: typing.Any) -> np.ndarray:
        """Changes the order of the images.

        Args:
            places: int array `(num_segments, images of a snippet)`: which of
                the images is where in the clip.
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
        """What is done to two clips, or `None`; as of `Step`."""
        raise NotImplementedError

    def mix(
        self, clip: np.ndarray, other: np.ndarray, drawn: typing.Any
    ) -> tuple[np.ndarray, float]:
        """One of two clips.

        Args:
            clip, other: uint8 arrays `(num_segments, size, size, channels)` of
                one stream, or float32 features `(num_segments, features)`; not
                to be changed.
            drawn: what `draw` returned.

        Returns:
            `(mixed, share)`: an array as `clip`, and what the label of `clip`
            counts in it, from 0 to 1; of `other` it is the rest.
        """
        raise NotImplementedError


def happens(rng, probability):
    """Whether something of this probability happens."""
    if probability == 0.5:
        return bool(rng.integers(2))  # as mirrors have always been drawn
    return bool(rng.random() < probability)


def _plain(value):
    return [_plain(one) for one in value] if type(value) is tuple else value
