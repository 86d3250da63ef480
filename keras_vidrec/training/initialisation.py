"""From the section `initialisation` of a recipe to starting weights."""

import logging
import pathlib

from keras_vidrec.applications import model_file
from keras_vidrec.training.run import Run
from keras_vidrec.weights import copy_by_name

logger = logging.getLogger("keras_vidrec")


def start_from(model, weights):
    """Copies the weights of a trained network, layer by layer, by name.

    A classifier for another number of classes starts anew, which is logged.
    Every other layer must be there and fit: a first convolution left to
    chance would ruin the training without a word.

    Args:
        model: keras.Model to change in place.
        weights: `None` (nothing is done), or str: path of a run or of a
            `.keras` file.

    Raises:
        ValueError: if there is no such network, or a layer but the classifier
            does not fit.
    """
    if weights is None:
        return
    if not isinstance(weights, str) or not pathlib.Path(weights).exists():
        raise ValueError(
            "Invalid initialisation. Expected the path of a run or of a .keras "
            f"file. Received: initialisation.weights={weights!r}"
        )
    path = pathlib.Path(weights)
    source = (
        Run.open(path).load_model() if path.is_dir() else model_file.load(path)
    )
    report = copy_by_name(source, model)
    unfit = [
        layer
        for layer in (*report.mismatched, *report.missing)
        if not layer.startswith("logits")
    ]
    if unfit:
        raise ValueError(
            "Expected a network of the same towers to start from. Received: "
            f"initialisation.weights={weights!r}, where these do not fit: "
            f"{', '.join(unfit[:5])} ({len(unfit)} layers)"
        )
    logger.warning("Started from %s: %s.", path, report)
