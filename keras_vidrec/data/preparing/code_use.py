"""How much of the 8-bit code of flow is used, so that a bound that is too small
or too large is seen."""

import typing

import numpy as np

_STILL = 128
# Steps of the code from no motion: a sixteenth of the bound.
_FINE = 8
# Choice: from these shares on another bound is advised.
_MUCH_AT_BOUND, _MUCH_FINE = 0.01, 0.99


class CodeUse(typing.NamedTuple):
    """How much of the code is used.

    Args:
        at_bound: float. Share of the values that are 0 or 255: motion of the
            bound, or of any more.
        fine: float. Share of those within 8 steps of 128: motion of a
            sixteenth of the bound, or less.
    """

    at_bound: float
    fine: float

    @classmethod
    def of(cls, counts):
        """That of counts of the values 0 to 255; `None` if there are none."""
        total = counts.sum()
        if not total:
            return None
        fine = counts[_STILL - _FINE : _STILL + _FINE + 1].sum()
        return cls(
            float((counts[0] + counts[255]) / total), float(fine / total)
        )

    @classmethod
    def of_videos(cls, uses, lengths):
        """That of videos together, by theirs (pairs) and their numbers of
        images; `None` for those where it is unknown.
        """
        known = [(use, n) for use, n in zip(uses, lengths) if use and n]
        if not known:
            return None
        uses, lengths = zip(*known)
        return cls(*np.average(uses, axis=0, weights=lengths).tolist())

    def line(self, bound):
        """Messages for the user.

        Args:
            bound: float. Pixels that 0 and 255 stand for.
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
