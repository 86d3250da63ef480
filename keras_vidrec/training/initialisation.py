"""From the section `initialisation` of a recipe to starting weights."""

import logging
import pathlib

from keras_vidrec.applications import model_file
from keras_vidrec.applications.head import describe
from keras_vidrec.training.run import Run
from keras_vidrec.weights import copy_by_name
from keras_vidrec.weights import cross_modality

logger = logging.getLogger("keras_vidrec")

# Their images are alike: 8-bit codes of horizontal and vertical motion.
_FLOWS = ("flow", "warped_flow")


def start_from(model, weights, inflation="mean"):
    """Copies the weights of a trained network, layer by layer, by name.

    A network of motion may start from one of rgb: then its first convolution
    is inflated (`weights.cross_modality`). A classifier for another number of
    classes starts anew, which is logged. Every other layer must be there and
    fit: a first convolution left to chance would ruin the training without a
    word.

    Args:
        model: keras.Model to change in place.
        weights: `None` (nothing is done), or str: path of a run or of a
            `.keras` file.
        inflation: str. A mode of `weights.cross_modality`. Defaults to
            `"mean"`.

    Raises:
        ValueError: if there is no such network, it is of a modality that
            tells nothing of the model's, or a layer but the classifier does
            not fit.
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
    report = _copy(source, model, weights, inflation)
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


def _copy(source, model, weights, inflation):
    have, want = _modalities(source), _modalities(model)
    if have == want:
        return copy_by_name(source, model)
    if have == ("rgb",) and len(want) == 1:
        return cross_modality(source, model, inflation)
    if len(have) == len(want) == 1 and {*have, *want} <= {*_FLOWS}:
        return copy_by_name(source, model, {have[0]: want[0]})
    raise ValueError(
        f"Expected a network of {' + '.join(want)} or of rgb to start from. "
        f"Received: initialisation.weights={weights!r}, a network of "
        f"{' + '.join(have)}"
    )


def _modalities(model):
    spec = describe(model).clip_spec
    if spec is None:
        raise ValueError(
            "Expected a network that knows what it wants to see. Received: "
            f"model={model.name!r} without a clip specification"
        )
    return spec.modalities
