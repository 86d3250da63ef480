"""From the section `initialisation` of a recipe to starting weights."""

import logging
import pathlib

from keras_vidrec.applications.head import describe
from keras_vidrec.training.run import load_network
from keras_vidrec.weights import copy_by_name
from keras_vidrec.weights import copy_streams
from keras_vidrec.weights import cross_modality
from keras_vidrec.weights.streams import copy_stages
from keras_vidrec.weights.streams import may_start_anew
from keras_vidrec.weights.streams import unfit_layers
from keras_vidrec.weights.towers import towers

logger = logging.getLogger("keras_vidrec")

# Their images are alike: 8-bit codes of horizontal and vertical motion.
_FLOWS = ("flow", "warped_flow")

# Beside the streams: where all but the towers starts from.
_NETWORK = "network"


def check_frozen(section, streams):
    """Refuses to freeze towers of random weights.

    Args:
        section: `Initialisation` of a recipe.
        streams: tuple of str. Modalities of its network.

    Raises:
        ValueError: if towers are frozen and there are no weights for them.
    """
    if section.frozen and section.weights is None:
        raise ValueError(
            "Frozen towers never learn: they need trained weights. Expected "
            f'--set "initialisation.weights={_form(streams)}", or '
            '--set "initialisation.frozen=[]" to train them too. Received: '
            f"initialisation.frozen={list(section.frozen)} without "
            "initialisation.weights"
        )


def check_partial_batch_norm(section, streams):
    """Refuses to freeze batch normalisations of random weights.

    Args:
        section: `Initialisation` of a recipe.
        streams: tuple of str. Modalities of its network.

    Raises:
        ValueError: if batch normalisations are frozen and there are no
            weights for them.
    """
    if section.partial_batch_norm and section.weights is None:
        raise ValueError(
            "Frozen batch normalisations use the statistics they start with, "
            "which random weights do not have. Expected trained weights, such "
            f'as ImageNet\'s: --set "initialisation.weights={_form(streams)}", '
            "or --set initialisation.partial_batch_norm=false to train from "
            "scratch. Received: initialisation.partial_batch_norm=True "
            "without initialisation.weights"
        )


def check_paths(weights):
    """Refuses paths that lead nowhere.

    Args:
        weights: as `start_from` takes it; a recipe may leave a path of the
            dict open, None, that only its user knows.

    Raises:
        ValueError: if there is nothing at one of the paths.
    """
    if isinstance(weights, dict):
        for name, path in weights.items():
            _checked(path, f".{name}")
    elif weights is not None:
        _checked(weights)


def start_from(model, weights, inflation="mean"):
    """Copies the weights of trained networks, layer by layer, by name.

    A network of motion may start from one of rgb: then its first convolution
    is inflated (`weights.cross_modality`). A network of two streams may start
    from one network for each (`weights.copy_streams`): what joins the streams
    or filters over time starts anew, and so do the first layers behind a
    fusion that gives another number of channels. A classifier for another
    number of classes starts anew. All this is logged. Every other layer must
    be there and fit: a first convolution left to chance would ruin the
    training without a word.

    A network over features whose towers lie inside may start from the
    networks of one stream that made the features and from the network that
    was trained on these (`weights.streams.copy_stages`): nothing starts anew.

    Args:
        model: keras.Model to change in place.
        weights: `None` (nothing is done), str: path of a run or of a
            `.keras` file; or dict of these by stream, for all streams of the
            model, and perhaps of one more called `"network"`.
        inflation: str. A mode of `weights.cross_modality`. Defaults to
            `"mean"`.

    Raises:
        ValueError: if there is no such network, it is of a modality that
            tells nothing of the model's, or another layer does not fit.
    """
    if weights is None:
        return
    if isinstance(weights, dict):
        _check_streams(model, weights)
        check_paths(weights)
        sources = {name: load_network(path) for name, path in weights.items()}
        if _NETWORK in sources:
            network = sources.pop(_NETWORK)
            report = copy_stages(model, sources, network)
        else:
            report = copy_streams(model, sources)
    else:
        source = load_network(_checked(weights))
        report = _copy(source, model, weights, inflation)
    staged = isinstance(weights, dict) and _NETWORK in weights
    unfit = unfit_layers(report, () if staged else may_start_anew(model))
    if unfit:
        raise ValueError(
            "Expected a network of the same towers to start from. Received: "
            f"initialisation.weights={weights!r}, where these do not fit: "
            f"{', '.join(unfit[:3])[:300]} ({len(unfit)} layers)"
        )
    logger.warning("Started from %s: %s.", _list(weights), report)


def _checked(path, key=""):
    if not isinstance(path, str) or not pathlib.Path(path).exists():
        raise ValueError(
            "Invalid initialisation. Expected the path of a run or of a .keras "
            f"file. Received: initialisation.weights{key}={path!r}"
        )
    return pathlib.Path(path)


def _check_streams(model, weights):
    wanted = _modalities(model)
    if _NETWORK in weights and not towers(model):
        raise ValueError(
            "Only a network with towers inside starts from several. Expected "
            "the path of one run or .keras file. Received: "
            f"initialisation.weights={weights!r}"
        )
    if len(wanted) == 1 and _NETWORK not in weights:
        raise ValueError(
            f"Expected the path of one run or .keras file for a network of "
            f"{wanted[0]}. Received: initialisation.weights={weights!r}"
        )
    if set(weights) - {_NETWORK} != set(wanted):
        raise ValueError(
            f"Expected a run or .keras file for each stream of {wanted}. "
            f"Received: initialisation.weights={weights!r}"
        )


def _form(streams):
    """How `initialisation.weights` is given for these streams."""
    if len(streams) == 1:
        return "RUN"
    return "{" + ", ".join(f"{stream}: RUN" for stream in streams) + "}"


def _list(weights):
    return ", ".join(weights.values()) if isinstance(weights, dict) else weights


def _copy(source, model, weights, inflation):
    have, want = _modalities(source), _modalities(model)
    if have == want:
        return copy_by_name(source, model)
    if have == ("rgb",) and len(want) == 1:
        return cross_modality(source, model, inflation)
    if len(have) == len(want) == 1 and {*have, *want} <= {*_FLOWS}:
        return copy_by_name(source, model, {have[0]: want[0]})
    expected = f"a network of {' + '.join(want)} or of rgb"
    if len(want) > 1:
        expected = f"a network of {' + '.join(want)}, or {_form(want)},"
    raise ValueError(
        f"Expected {expected} to start from. Received: "
        f"initialisation.weights={weights!r}, a network of {' + '.join(have)}"
    )


def _modalities(model):
    spec = describe(model).clip_spec
    if spec is None:
        raise ValueError(
            "Expected a network that knows what it wants to see. Received: "
            f"model={model.name!r} without a clip specification"
        )
    return spec.modalities
