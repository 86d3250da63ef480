"""From the section `initialization` of a recipe to starting weights."""

import logging
import pathlib

from keras_vidrec.applications.parts.arguments import IMAGENET
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.backbones import BACKBONES
from keras_vidrec.training.run import load_network
from keras_vidrec.weights import copy_by_name
from keras_vidrec.weights import copy_streams
from keras_vidrec.weights import cross_modality
from keras_vidrec.weights import imagenet
from keras_vidrec.weights.architecture import backbone_name
from keras_vidrec.weights.architecture import backbones_of
from keras_vidrec.weights.architecture import candidate_backbones
from keras_vidrec.weights.streams import copy_stages
from keras_vidrec.weights.streams import may_start_anew
from keras_vidrec.weights.streams import unfit_layers
from keras_vidrec.weights.towers import slots
from keras_vidrec.weights.towers import towers

logger = logging.getLogger("keras_vidrec")

# Their images are alike: 8-bit codes of horizontal and vertical motion.
_FLOWS = ("flow", "warped_flow")

# Beside the streams: where all but the towers starts from.
_NETWORK = "network"


def check_frozen(section, streams):
    """Refuses to freeze towers of random weights.

    Args:
        section: `Initialization` of a recipe.
        streams: tuple of str. Modalities of its network.

    Raises:
        ValueError: if towers are frozen and there are no weights for them.
    """
    if section.frozen and section.weights is None:
        raise ValueError(
            "Frozen towers never learn: they need trained weights. Expected "
            f'--set "initialization.weights={_form(streams)}", or '
            '--set "initialization.frozen=[]" to train them too. Received: '
            f"initialization.frozen={list(section.frozen)} without "
            "initialization.weights"
        )


def check_partial_batch_norm(section, streams):
    """Refuses to freeze batch normalizations of random weights.

    Args:
        section: `Initialization` of a recipe.
        streams: tuple of str. Modalities of its network.

    Raises:
        ValueError: if batch normalizations are frozen and there are no
            weights for them.
    """
    if section.partial_batch_norm and section.weights is None:
        raise ValueError(
            "Frozen batch normalizations use the statistics they start with, "
            "which random weights do not have. Expected trained weights, such "
            f'as ImageNet\'s: --set "initialization.weights={_form(streams)}", '
            "a run or a file by `vidrec import-weights` (docs/weights.md), "
            "or --set initialization.partial_batch_norm=false to train from "
            "scratch. Received: initialization.partial_batch_norm=True "
            "without initialization.weights"
        )


def check_paths(weights):
    """Refuses paths that lead nowhere. `"imagenet"` is none.

    Args:
        weights: as `start_from` takes it; a recipe may leave a path of the
            dict open, None, that only its user knows.

    Raises:
        ValueError: if there is nothing at one of the paths.
    """
    for name, path in _by_name(weights).items():
        if path != IMAGENET:
            _check_path(path, "" if name is None else f".{name}")


def load(weights):
    """The networks to start from.

    Args:
        weights: `None`, str: path of a run or of a `.keras` file; or dict of
            these by stream, and perhaps of one more called `"network"`. Or
            `"imagenet"`, alone or for a stream: that is no network yet.

    Returns:
        The same with keras.Model in the places of paths.

    Raises:
        ValueError: if there is no network at one of the paths.
    """
    check_paths(weights)
    networks = {
        name: path if path == IMAGENET else load_network(path)
        for name, path in _by_name(weights).items()
    }
    return networks if isinstance(weights, dict) else networks.get(None)


def unlike_towers(networks, backbones):
    """Towers to start from that cannot start those of a network.

    A file of one stream for a network of two, or the other way round, is not
    looked into: it is refused by `start_from`.

    Args:
        networks: as `load` returns them.
        backbones: dict by stream of the network that is to start, of a name
            or a `keras.Model`. Of the latter nothing is known.

    Returns:
        dict by stream of the name of the other backbone, `None` where a
        network has no tower of the package.
    """
    by_stream = isinstance(networks, dict)
    if not by_stream:
        networks = (
            {} if networks is None else dict.fromkeys(backbones, networks)
        )
    num_towers = 1 if by_stream else len(backbones)
    unlike = {}
    for stream, backbone in backbones.items():
        network = networks.get(stream, IMAGENET)
        known = isinstance(backbone, str) and backbone in BACKBONES
        if network == IMAGENET or not known:
            continue
        try:
            towers = backbones_of(network)
        except ValueError:
            unlike[stream] = None
            continue
        place = None if len(towers) == 1 else stream
        if len(towers) != num_towers or place not in towers:
            continue
        family, style = towers[place]
        layers = {slot.layer for slot in slots(network) if slot.stream == place}
        # One that ends early may be of several.
        if BACKBONES[backbone].family in candidate_backbones(layers):
            family = BACKBONES[backbone].family
        name = backbone_name(family, style)
        if name != backbone:
            unlike[stream] = name
    return unlike


def start_from(model, weights, inflation="mean", networks=None):
    """Copies the weights of trained networks, layer by layer, by name.

    A network of motion may start from one of rgb: then its first convolution
    is inflated (`weights.cross_modality`). A network of two streams may start
    from one network for each (`weights.copy_streams`): what joins the streams
    or filters over time starts anew, and so do the first layers behind a
    fusion that gives another number of channels. A classifier for another
    number of classes starts anew. All this is logged. Every other layer must
    be there and fit: a first convolution left to chance would ruin the
    training without a word. Pixels are scaled as in the network that a stream
    started from, if it is of the same modality.

    A network over features whose towers lie inside may start from the
    networks of one stream that made the features and from the network that
    was trained on these (`weights.streams.copy_stages`): nothing starts anew.

    Towers may start from ImageNet's weights (`weights.imagenet`): all else
    starts anew.

    Args:
        model: keras.Model to change in place.
        weights: `None` (nothing is done), str: path of a run or of a
            `.keras` file; or dict of these by stream, for all streams of the
            model, and perhaps of one more called `"network"`. Or
            `"imagenet"`, alone or for a stream.
        inflation: str. A mode of `weights.cross_modality`. Defaults to
            `"mean"`.
        networks: what `load` has made of `weights`, if it was called before.
            Defaults to `None`.

    Raises:
        ValueError: if there is no such network, it is of a modality that
            tells nothing of the model's, or another layer does not fit.
    """
    if weights is None:
        return
    if isinstance(weights, dict):
        _check_streams(model, weights)
    networks = load(weights) if networks is None else networks
    new = may_start_anew(model)
    started = _from_imagenet(weights)
    if started:
        streams = started if isinstance(weights, dict) else None
        report = imagenet(model, inflation, streams)
        logger.warning("Started from ImageNet's weights: %s.", report)
        # What is inflated is followed by how.
        done = (*report.copied, *report.inflated)
        new |= {layer.partition(" ")[0] for layer in done}
    sources = {s: n for s, n in _by_name(networks).items() if n != IMAGENET}
    if not sources:
        return
    network = sources.pop(_NETWORK, None)
    if network is not None:
        report, new = copy_stages(model, sources, network), ()
    elif isinstance(weights, dict):
        report = copy_streams(model, sources)
    else:
        report = _copy(networks, model, weights, inflation)
    unfit = unfit_layers(report, new)
    if unfit:
        raise ValueError(
            "Expected a network of the same towers to start from, of the same "
            "backbones (network.arguments.backbone). Received: "
            f"initialization.weights={weights!r}, where these do not fit: "
            f"{', '.join(unfit[:3])[:300]} ({len(unfit)} layers)"
        )
    logger.warning("Started from %s: %s.", _list(weights), report)


def _by_name(weights):
    """Those of a dict; by no name what is given alone."""
    if isinstance(weights, dict):
        return weights
    return {} if weights is None else {None: weights}


def _from_imagenet(weights):
    """By name, what starts from ImageNet's weights."""
    return [
        name for name, path in _by_name(weights).items() if path == IMAGENET
    ]


def _check_path(path, key):
    if not isinstance(path, str) or not pathlib.Path(path).exists():
        raise ValueError(
            "Invalid initialization. Expected the path of a run or of a .keras "
            'file, or "imagenet". Received: '
            f"initialization.weights{key}={path!r}"
        )


def _check_streams(model, weights):
    wanted = _modalities(model)
    if _NETWORK in weights and not towers(model):
        raise ValueError(
            "Only a network with towers inside starts from several. Expected "
            "the path of one run or .keras file. Received: "
            f"initialization.weights={weights!r}"
        )
    if len(wanted) == 1 and _NETWORK not in weights:
        raise ValueError(
            f"Expected the path of one run or .keras file for a network of "
            f"{wanted[0]}. Received: initialization.weights={weights!r}"
        )
    if _NETWORK in weights and _from_imagenet(weights):
        raise ValueError(
            "A network over features goes on with the towers that made them. "
            "Expected a run or .keras file for each stream. Received: "
            f"initialization.weights={weights!r}"
        )
    if set(weights) - {_NETWORK} != set(wanted):
        raise ValueError(
            f"Expected a run or .keras file for each stream of {wanted}. "
            f"Received: initialization.weights={weights!r}"
        )


def _form(streams):
    """How `initialization.weights` is given for these streams."""
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
        f"initialization.weights={weights!r}, a network of {' + '.join(have)}"
    )


def _modalities(model):
    spec = describe(model).clip_spec
    if spec is None:
        raise ValueError(
            "Expected a network that knows what it wants to see. Received: "
            f"model={model.name!r} without a clip specification"
        )
    return spec.modalities
