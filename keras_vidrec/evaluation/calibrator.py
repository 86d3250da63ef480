"""Making the probabilities of a trained network as sure as it is right."""

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

    Args:
        temperature: float. What its logits are divided by from now on.
        videos: int. Those for validation that it was fitted on.
        loss, loss_before: float. Mean cross-entropy of these, with it, which
            is as small as it can be, and without it.
        error, error_before: float. Expected calibration error of these, with
            it and without it. It mostly falls too; of few videos, a mistake
            that was made with much certainty may let it rise.
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

    The videos are those for validation of the run, each shown as in the
    network's own test. They have chosen the epoch too, so that new videos may
    be recognized less surely. Done again, it comes to the same.

    Args:
        run_directory: path of a run.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `Calibrated`.

    Raises:
        ValueError: if there is no finished run, it has no validation part or
            its videos are gone, another process trains it, the network gives
            several labels per video, or all of the videos, or too few of them,
            are recognized. The network stays as it was then.
    """
    run = Run.open(run_directory)
    with run.held():
        return _calibrate(run, verbose)


def _calibrate(run, verbose):
    recipe = run.recipe
    model, _, seen = evaluator.network_of(run, recipe.data.directory)
    if predictions_layer(model).activation not in (None, "softmax"):
        raise ValueError(
            f"Expected a network with one class per video. Received: {run.path}"
        )
    data = datasets.of_run(run, recipe, seen)
    # Without its list, they may be among those that it was trained on.
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
