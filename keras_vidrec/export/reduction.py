"""Compares a network of reduced precision with float32: accuracy and time."""

import itertools
import statistics
import time
import typing

import numpy as np

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.export.samples import Samples

# Clips on which ranges are measured. More of them change the ranges little.
_CALIBRATION = 64
# Timed rounds, in each of which both networks get the same clip; fewer if they
# take longer than `_SECONDS` together.
_ROUNDS = 20
_SECONDS = 20.0
_FIGURES = {
    "top_1": "top-1 accuracy",
    "mean_average_precision": "mean average precision",
}


class Reduction(typing.NamedTuple):
    """A comparison of a network of reduced precision with the one in float32
    in the same format.

    Args:
        precision: str. `"float16"` or `"int8"`.
        part: str. The part of the dataset it was tested on.
        videos: int. Number of videos, with one clip of each.
        calibration: int. Number of clips of the same part on which the ranges
            of integers were measured, 0 for float16.
        figure: str. What was measured: `"top_1"`, or, for videos with several
            labels, `"mean_average_precision"`.
        float32: float in [0, 1]. The figure in float32.
        reduced: float in [0, 1]. The figure in this precision.
        difference: float. The largest difference of a probability.
        time: float. Time for a clip, divided by the time in float32: median
            of the rounds.
        milliseconds: float. Time for a clip in this precision: median of the
            rounds.
        rounds: int. Number of timed rounds.
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
        """Loss of accuracy in percentage points, negative for a gain."""
        return 100 * (self.float32 - self.reduced)

    def lines(self) -> list[str]:
        """Describes the comparison in sentences: list of str, without the
        final periods."""
        lines = [
            f"{self.precision}: {_FIGURES[self.figure]} of "
            f"{self.videos} {self.part} videos, a clip each, "
            f"{100 * self.reduced:.2f} % instead of "
            f"{100 * self.float32:.2f} % in float32; probabilities within "
            f"{self.difference:.1e}",
            f"Time for a clip on this processor: {self.milliseconds:.3g} ms, "
            f"{self.time:.2f} times that of float32 (medians of {self.rounds} "
            "rounds)",
        ]
        if self.calibration:
            clips = "clip" if self.calibration == 1 else "clips"
            lines.append(
                "The ranges of the integers were measured on "
                f"{self.calibration} {self.part} {clips}"
            )
        return lines


def samples(endpoint, background, form):
    """Returns the clips for the calibration and test of a reduced network.

    Args:
        endpoint: `Endpoint`.
        background: `Background` of the network.
        form: `forms.Form`.

    Returns:
        `Samples`.

    Raises:
        ValueError: if the dataset of the network cannot be read.
    """
    what = (
        f"{form.precision} is tested on the validation or training videos of "
        "the network. Expected a run whose dataset can be read"
    )
    if background.recipe is None or endpoint.spec is None:
        raise ValueError(
            f"{what}. Received: {background.name!r} without a dataset"
        )
    try:
        found = Samples(endpoint, background.recipe)
    except (OSError, ValueError) as error:
        raise ValueError(f"{what}. Received: {error}") from error
    return found


def calibration(found):
    """Returns at most 64 clips, evenly distributed over `Samples`: list of
    dicts of arrays by input."""
    step = max(len(found) // _CALIBRATION, 1)
    clips = itertools.islice(found, 0, step * _CALIBRATION, step)
    return [inputs for inputs, _ in clips]


def test(form, found, num_calibration, plain, reduced):
    """Compares a network of reduced precision with the one in float32.

    Args:
        form: `forms.Form`.
        found: `Samples`.
        num_calibration: int. Number of clips it was calibrated on.
        plain, reduced: functions from a dict of arrays by input to a dict of
            arrays by output: the networks in float32 and in the reduced
            precision.

    Returns:
        `Reduction`.

    Raises:
        RuntimeError: if the loss of accuracy is larger than `form.max_loss`,
            or probabilities are not finite.
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
            "finite probabilities. Received: values that are not finite"
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
    # The loss is NaN if the videos have no labels; then this raises as well.
    if not result.loss <= form.max_loss:
        raise RuntimeError(
            f"{form.precision} costs too much. Expected a loss of at most "
            f"{form.max_loss:g} percentage points (`max_loss`). Received: "
            f"{result.loss:.2f}, {result.lines()[0]}"
        )
    return result


def _figure(probabilities, labels, classes):
    """Returns the name and value of the first figure of `metrics.summary`."""
    names = [str(i) for i in range(len(labels))]
    labels = np.asarray(labels)
    if labels.ndim == 2:
        labels = labels.astype("int8")
    scores = Scores(names, probabilities, labels, classes)
    return next(iter(metrics.summary(scores).items()))


def _timed(plain, reduced, clip):
    """Returns two lists of float by round: the time of the reduced network for
    a clip divided by that in float32, and in milliseconds."""
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
