"""The choices made in learning, and the figures behind them."""

import dataclasses
import json
import typing

import numpy as np
import scipy.special

from keras_vidrec.specs import files


class Figure(typing.NamedTuple):
    """The result of a candidate.

    Args:
        right: int. Number of clips whose class was recognized.
        of: int. Number of all clips.
        loss: float. Mean of minus the logarithm of the probability of the true
            class.
    """

    right: int
    of: int
    loss: float

    @classmethod
    def of_scores(cls, scores, labels):
        """Computes the figure of logits `(clips, classes)` and class indices
        `(clips,)`."""
        scores, labels = np.asarray(scores, "float64"), np.asarray(labels)
        chances = scipy.special.log_softmax(scores, axis=1)
        own = chances[np.arange(len(labels)), labels]
        right = int((scores.argmax(axis=1) == labels).sum())
        return cls(right, len(labels), float(-own.mean()))


@dataclasses.dataclass(frozen=True)
class Choice:
    """A choice among candidates, by their figures.

    Attributes:
        what: str. What was chosen.
        by: str. The clips from which the figures were computed.
        candidates: dict from a name to its `Figure`, in the order of
            preference.
        chosen: str. The name of the chosen candidate; `""` if there was none.
        not_tried: dict from the names of other candidates to why they were not
            tried. Defaults to `{}`.
    """

    what: str
    by: str
    candidates: dict
    chosen: str
    not_tried: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def best(cls, what, by, candidates, not_tried=None, by_loss=False):
        """Chooses the best candidate.

        It is the one that recognizes the most clips; of several, the one with
        the smallest loss; then the first one.

        Args:
            what, by, candidates: as for `Choice`.
            not_tried: `None`, or as for `Choice`. Defaults to `None`.
            by_loss: bool. Whether to compare only the loss, which is more
                reliable with few clips. Defaults to `False`.
        """

        def worth(name):
            figure = candidates[name]
            return 0 if by_loss else figure.right, -figure.loss

        chosen = max(candidates, key=worth)
        return cls(what, by, dict(candidates), chosen, not_tried or {})

    def lines(self):
        """Yields the lines of a table of the candidates for the user."""
        yield f"{self.what}, by {self.by}:"
        for name, figure in self.candidates.items():
            mark = "  <- chosen" if name == self.chosen else ""
            found = f"{figure.right:4} of {figure.of}, loss {figure.loss:.2f}"
            yield f"  {name:28} {found}{mark}"
        for name, reason in self.not_tried.items():
            yield f"  {name:28} not tried: {reason}"


def save(choices, path) -> None:
    """Writes choices as JSON."""
    values = [
        {
            **dataclasses.asdict(choice),
            "candidates": {
                name: figure._asdict()
                for name, figure in choice.candidates.items()
            },
        }
        for choice in choices
    ]
    files.write_text(path, json.dumps(values, indent=2) + "\n")
