"""Calibrates the probabilities of a trained network by a temperature."""

import dataclasses
import os
import typing

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.scores import calibration
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training.run import Run


class Calibrated(typing.NamedTuple):
    """The result of a calibration.

    Attributes:
        temperature: float. Logits are divided by it from now on.
        videos: int. Number of validation videos that it was fitted on.
        loss: float. Mean cross-entropy of these videos with the temperature,
            the minimum over all temperatures.
        loss_before: float. Mean cross-entropy without it.
        error: float. Expected calibration error of these videos with the
            temperature. It is usually smaller than `error_before`; with few
            videos, a single error with a high probability may make it larger.
        error_before: float. Expected calibration error without it.
    """

    temperature: float
    videos: int
    loss: float
    loss_before: float
    error: float
    error_before: float


def calibrate(
    run_directory: str | os.PathLike[str], *, verbose: bool = True
) -> Calibrated:
    """Fits the temperature of the network of a finished run on its validation
    videos, and saves it in the network: predictions, windows and exports divide
    scores by it before the softmax. The best class of a video does not change,
    and neither do score files, which contain the undivided scores.

    The videos are the validation videos of the run, with the clips and crops of
    the network's own test. They also selected the epoch, so probabilities of
    new videos may still be too high. Calibrating again gives the same result.

    Args:
        run_directory: path of a run.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `Calibrated`.

    Raises:
        ValueError: if there is no finished run, it has no validation part or
            its videos do not exist any more, another process trains it, the
            network gives several labels per video, or all videos, or too few
            of them, are classified correctly. The network is not changed then.
    """
    run = Run.open(run_directory)
    with run.held():
        return _calibrate(run, verbose)


def _calibrate(run: Run, verbose: bool) -> Calibrated:
    """As `calibrate`, for a locked run."""
    recipe = run.recipe
    model, _, seen = evaluator.network_of(run, recipe.data.directory)
    if predictions_layer(model).activation not in (None, "softmax"):
        raise ValueError(
            f"Expected a network with one class per video. Received: {run.path}"
        )
    data = datasets.of_run(run, recipe, seen)
    # Without the stored lists of a run, the validation videos could be among
    # those that it was trained on.
    if run.videos is None or not data.validation:
        raise ValueError(
            "The temperature is fitted on the validation part of a run. "
            "Expected a run that has one (validation.fraction, or "
            f"validation=listed). Received: {run.path}, which has none"
        )
    scores, _ = evaluator.score(
        model, data.source, data.validation, verbose=verbose
    )
    data.source.save()
    try:
        fitted = calibration.fit_temperature(scores.scores, scores.labels)
    except ValueError as error:
        raise ValueError(
            "No temperature can be fitted on the validation videos. "
            "Expected a network that is right for some of them and wrong "
            f"for others. Received: {run.path} with {len(scores.videos)}: "
            f"{error}"
        ) from None
    for path in run.trained_files:
        network = model_file.load(path)
        layer = predictions_layer(network)
        if layer.temperature != fitted:
            layer.temperature = fitted
            with run.writing():
                model_file.save(network, path)
    meta = {**scores.meta, "temperature": fitted}
    warmer = dataclasses.replace(scores, meta=meta)
    told = scores.scores, scores.labels
    return Calibrated(
        fitted,
        len(scores.videos),
        calibration.cross_entropy(*told, fitted),
        calibration.cross_entropy(*told),
        calibration.error(warmer),
        calibration.error(scores),
    )
