"""The result of a test, with representations for notebooks."""

import dataclasses
import html
import typing

import numpy as np

from keras_vidrec.evaluation.scores.score_file import Scores

if typing.TYPE_CHECKING:
    import pandas


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The result of a test.

    Attributes:
        figures: dict from name to float in [0, 1], as `evaluation.summary`
            returns it.
        scores: `evaluation.Scores` of the videos.
    """

    figures: dict
    scores: Scores = dataclasses.field(repr=False)

    def to_dict(self) -> dict:
        """Returns the figures, and the number of tested `videos`."""
        return {"videos": len(self.scores.videos), **self.figures}

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns a `pandas.DataFrame` with one row for each video and the
        columns `video`, `class` (of its label: missing if it is unknown, a
        tuple if videos have several labels) and `predicted`, the class with the
        highest score.

        Raises:
            ImportError: if pandas is not installed.
        """
        import pandas

        classes, labels = self.scores.classes, self.scores.labels
        true: list
        if self.scores.several:
            true = [
                tuple(classes[i] for i in np.flatnonzero(row > 0))
                for row in labels
            ]
        else:
            true = [classes[i] if i >= 0 else None for i in labels]
        best = self.scores.scores.argmax(axis=1)
        return pandas.DataFrame(
            {
                "video": list(self.scores.videos),
                "class": true,
                "predicted": [classes[i] for i in best],
            }
        )

    def _repr_html_(self):
        rows = "".join(
            f"<tr><td>{html.escape(name.replace('_', ' '))}</td>"
            f"<td>{100 * value:.2f} %</td></tr>"
            for name, value in self.figures.items()
        )
        return f"<table>{rows}</table>"
