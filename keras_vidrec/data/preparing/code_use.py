"""Measures how much of the 8-bit code of flow is used, to find a bound that is
too small or too large."""

import typing

import numpy as np

_STILL = 128
# Values within this distance from no motion are within a sixteenth of the
# bound.
_FINE = 8
# The shares above which another bound is advised (our choice).
_MUCH_AT_BOUND, _MUCH_FINE = 0.01, 0.99


class CodeUse(typing.NamedTuple):
    """The shares of large and small values in the code of flow.

    Args:
        at_bound: float. Share of the values that are 0 or 255: motion of at
            least the bound.
        fine: float. Share of the values from 120 to 136: motion of at most a
            sixteenth of the bound.
    """

    at_bound: float
    fine: float

    @classmethod
    def of(cls, counts):
        """Computes the shares from the counts of the values 0 to 255, an int
        array `(256,)`; `None` if there are no values."""
        total = counts.sum()
        if not total:
            return None
        fine = counts[_STILL - _FINE : _STILL + _FINE + 1].sum()
        return cls(
            float((counts[0] + counts[255]) / total), float(fine / total)
        )

    @classmethod
    def of_videos(cls, uses, lengths):
        """Averages the shares of videos, weighted by their numbers of images.

        Args:
            uses: sequence of pairs `(at_bound, fine)`, or `None` if unknown.
            lengths: sequence of int. Number of flow images of each video.

        Returns:
            `CodeUse`, or `None` if it is unknown for all videos.
        """
        known = [(use, n) for use, n in zip(uses, lengths) if use and n]
        if not known:
            return None
        uses, lengths = zip(*known)
        return cls(*np.average(uses, axis=0, weights=lengths).tolist())

    def line(self, bound):
        """Returns a message for the user.

        Args:
            bound: float. Flow in pixels that 0 and 255 stand for.
        """
        text = (
            f"Flow: {self.at_bound:.1%} of its values are at the bound of "
            f"{bound:g} pixels, {self.fine:.1%} within a sixteenth of it."
        )
        if self.at_bound > _MUCH_AT_BOUND:
            text += " A larger --bound would represent fast motion better."
        elif self.fine > _MUCH_FINE:
            text += " A smaller --bound would represent slow motion better."
        return text
