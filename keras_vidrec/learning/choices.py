"""What was chosen on the way, and by which figures."""

import dataclasses
import json
import typing

import numpy as np
import scipy.special

from keras_vidrec.specs import files


class Figure(typing.NamedTuple):
    """What a candidate was worth.

    Args:
        right: int. Clips whose class was found.
        of: int. Clips.
        loss: float. Mean of minus the logarithm of the probability of the true
            class.
    """

    right: int
    of: int
    loss: float

    @classmethod
    def of_scores(cls, scores, labels):
        """That of logits `(clips, classes)`."""
        scores, labels = np.asarray(scores, "float64"), np.asarray(labels)
        chances = scipy.special.log_softmax(scores, axis=1)
        own = chances[np.arange(len(labels)), labels]
        right = int((scores.argmax(axis=1) == labels).sum())
        return cls(right, len(labels), float(-own.mean()))


@dataclasses.dataclass(frozen=True)
class Choice:
    """One choice.

    Attributes:
        what: str. What was chosen.
        by: str. On which clips the figures are.
        candidates: dict from a name to its `Figure`, in the order in which
            they are preferred.
        chosen: str. A name of these; `""` if there was none.
        not_tried: dict from the names of others to why.
    """

    what: str
    by: str
    candidates: dict
    chosen: str
    not_tried: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def best(cls, what, by, candidates, not_tried=None, by_loss=False):
        """The one that recognizes the most clips, and of several the one with
        the smallest loss; with `by_loss` only the loss, which needs fewer
        clips. Then the first.
        """

        def worth(name):
            figure = candidates[name]
            return 0 if by_loss else figure.right, -figure.loss

        chosen = max(candidates, key=worth)
        return cls(what, by, dict(candidates), chosen, not_tried or {})

    def lines(self):
        """What was chosen, as a table for people."""
        yield f"{self.what}, by {self.by}:"
        for name, figure in self.candidates.items():
            mark = "  <- chosen" if name == self.chosen else ""
            found = f"{figure.right:4} of {figure.of}, loss {figure.loss:.2f}"
            yield f"  {name:28} {found}{mark}"
        for name, reason in self.not_tried.items():
            yield f"  {name:28} not tried: {reason}"


def save(choices, path):
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
