"""What fewer bits cost a network, and what they gain."""

import itertools
import statistics
import time
import typing

import numpy as np

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.export.samples import Samples

# Of the ranges of its numbers: more change them little.
_CALIBRATION = 64
# Takes of a clip in turn, at most so many seconds together.
_ROUNDS = 20
_SECONDS = 20.0
_FIGURES = {
    "top_1": "top-1 accuracy",
    "mean_average_precision": "mean average precision",
}


class Reduction(typing.NamedTuple):
    """A network of fewer bits beside the one of float32 in the same format.

    Args:
        precision: str.
        part: str. The part of the dataset it was tested on.
        videos: int. A clip of each.
        calibration: int. Clips of the same part that ranges of integers come
            from, 0 for float16.
        figure: str. What was measured: `"top_1"`, or of several labels
            `"mean_average_precision"`.
        float32: float in [0, 1]. The figure in float32.
        reduced: float in [0, 1]. The figure in this precision.
        difference: float. The largest of a probability.
        time: float. Time of a clip by that in float32, median of the rounds.
        milliseconds: float. Of a clip in this precision, median.
        rounds: int.
    """

    precision: str
    part: str
    videos: int
    calibration: int
    figure: str
    float32: float
    reduced: float
    difference: float
    time: float
    milliseconds: float
    rounds: int

    @property
    def loss(self) -> float:
        """Percentage points that it costs, below 0 if it gains some."""
        return 100 * (self.float32 - self.reduced)

    def lines(self) -> list[str]:
        """What is said of it: list of str."""
        lines = [
            f"{self.precision}: {_FIGURES[self.figure]} of "
            f"{self.videos} {self.part} videos, a clip each, "
            f"{100 * self.reduced:.2f} % in place of "
            f"{100 * self.float32:.2f} % in float32; probabilities within "
            f"{self.difference:.1e}",
            f"Time of a clip on this processor: {self.time:.2f} of float32's, "
            f"{self.milliseconds:.3g} ms (medians of {self.rounds} rounds in "
            "turn)",
        ]
        if self.calibration:
            clips = "clip" if self.calibration == 1 else "clips"
            lines.append(
                f"Ranges of the integers are those of {self.calibration} "
                f"{self.part} {clips}"
            )
        return lines


def samples(endpoint, background, form):
    """`Samples` that a network is reduced and tested with.

    Raises:
        ValueError: if they are not there.
    """
    what = (
        f"{form.precision} is tested on the videos that the network was "
        "validated or trained on. Expected a run whose dataset is there"
    )
    if background.recipe is None or endpoint.spec is None:
        raise ValueError(f"{what}. Received: {background.name!r} without any")
    try:
        found = Samples(endpoint, background.recipe)
    except (OSError, ValueError) as error:
        raise ValueError(f"{what}. Received: {error}") from error
    return found


def calibration(found):
    """Clips that lie evenly in `Samples`: list of dicts of arrays."""
    step = max(len(found) // _CALIBRATION, 1)
    clips = itertools.islice(found, 0, step * _CALIBRATION, step)
    return [inputs for inputs, _ in clips]


def test(form, found, num_calibration, plain, reduced):
    """Tests a reduced network beside that of float32.

    Args:
        form: `forms.Form`.
        found: `Samples`.
        num_calibration: int. Clips it was calibrated on.
        plain, reduced: functions from a dict of arrays by input to a dict of
            arrays by output: of float32, and of fewer bits.

    Returns:
        `Reduction`.

    Raises:
        RuntimeError: if it costs more than `form.max_loss` allows.
    """
    labels, scores, clip = [], ([], []), None
    for inputs, label in found:
        clip = inputs if clip is None else clip
        labels.append(label)
        for run, into in zip((plain, reduced), scores):
            into.append(run(inputs)["probabilities"][0])
    before, after = map(np.asarray, scores)
    if not np.isfinite(after).all():
        raise RuntimeError(
            f"The network cannot be written in {form.precision}. Expected "
            "probabilities. Received: values that are not finite"
        )
    figure, float32 = _figure(before, labels, found.classes)
    _, figure_after = _figure(after, labels, found.classes)
    times, milliseconds = _timed(plain, reduced, clip)
    result = Reduction(
        form.precision,
        found.part,
        len(labels),
        num_calibration,
        figure,
        float32,
        figure_after,
        float(np.abs(after - before).max()),
        statistics.median(times),
        statistics.median(milliseconds),
        len(times),
    )
    # Not a number, of videos without labels, is no loss that is known.
    if not result.loss <= form.max_loss:
        raise RuntimeError(
            f"{form.precision} costs too much. Expected a loss of at most "
            f"{form.max_loss:g} percentage points (`max_loss`). Received: "
            f"{result.loss:.2f}, {result.lines()[0]}"
        )
    return result


def _figure(probabilities, labels, classes):
    names = [str(i) for i in range(len(labels))]
    labels = np.asarray(labels)
    if labels.ndim == 2:
        labels = labels.astype("int8")
    scores = Scores(names, probabilities, labels, classes)
    return next(iter(metrics.summary(scores).items()))


def _timed(plain, reduced, clip):
    """Ratios of the times of rounds, and milliseconds of the reduced one."""
    for run in (plain, reduced):
        run(clip)
    ratios, milliseconds = [], []
    end = time.perf_counter() + _SECONDS
    while len(ratios) < _ROUNDS and (not ratios or time.perf_counter() < end):
        spent = []
        for run in (plain, reduced):
            start = time.perf_counter()
            run(clip)
            spent.append(time.perf_counter() - start)
        ratios.append(spent[1] / spent[0])
        milliseconds.append(1e3 * spent[1])
    return ratios, milliseconds
