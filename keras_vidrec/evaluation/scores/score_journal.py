"""Records the scores of an unfinished test."""

import numpy as np

from keras_vidrec.evaluation.journal import Journal


class ScoreJournal(Journal):
    """A `Journal` of scores: `scores` by video, float32 `(classes,)`."""

    @property
    def scores(self):
        return self.rows

    def add(self, video, scores):
        """Adds the scores of a video, float32 `(classes,)`."""
        super().add(video, {"scores": np.float64(scores).tolist()})
        self.rows[video] = np.asarray(scores, np.float32)

    def parsed(self, row):
        """See `Journal`."""
        return np.array(row["scores"], np.float32)
