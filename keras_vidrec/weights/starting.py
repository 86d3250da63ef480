"""From trained networks to the weights that a training starts from."""

import logging

from keras_vidrec.specs import checks
from keras_vidrec.weights.copying import copy_by_name
from keras_vidrec.weights.cross_modality import cross_modality
from keras_vidrec.weights.imagenet import imagenet
from keras_vidrec.weights.streams import FLOWS
from keras_vidrec.weights.streams import copy_stages
from keras_vidrec.weights.streams import copy_streams
from keras_vidrec.weights.streams import may_stay_random
from keras_vidrec.weights.streams import unfit_layers
from keras_vidrec.weights.towers import class_scores
from keras_vidrec.weights.towers import towers

logger = logging.getLogger("keras_vidrec")

# In the place of a network: the weights of `weights.imagenet`.
IMAGENET = "imagenet"

# Beside the streams: where all but the towers starts from.
NETWORK = "network"


def by_name(sources):
    """Those of a dict; by no name what is given alone."""
    if isinstance(sources, dict):
        return sources
    return {} if sources is None else {None: sources}


def start_from(model, networks, inflation="avg", weights=None, copy_head=False):
    """Copies the weights of trained networks, layer by layer, by name.

    A network of motion may start from one of rgb: then its first convolution
    is inflated (`weights.cross_modality`), and what is behind its tower keeps
    its random weights unless `copy_head`. A network of two streams may start
    from one network for each (`weights.copy_streams`): what joins the streams
    or filters over time keeps its random weights, and so do the first layers
    behind a fusion that gives another number of channels. So does a
    classifier for another number of classes. All this is logged. Every other
    layer must be there and fit: a first convolution left to chance would ruin
    the training without a word. Pixels are scaled as in the network that a
    stream started from, if it is of the same modality.

    A network over features whose towers lie inside may start from the
    networks of one stream that made the features and from the network that
    was trained on these (`weights.streams.copy_stages`): then every layer
    must be in one of them.

    Towers may start from ImageNet's weights (`weights.imagenet`): all else
    keeps its random weights.

    Args:
        model: keras.Model to change in place.
        networks: `None` (nothing is done), keras.Model; or dict of these by
            stream, for all streams of the model, and perhaps of one more
            called `"network"`. Or `"imagenet"`, alone or for a stream.
        inflation: str. A mode of `weights.cross_modality`. Defaults to
            `"avg"`.
        weights: what errors and the log call the networks: of the same form,
            of str, such as their paths. Defaults to `None`.
        copy_head: bool, as `weights.cross_modality` takes it. Defaults to
            `False`.

    Raises:
        ValueError: if a network is of a modality that tells nothing of the
            model's, a stream is missing, or another layer does not fit.
    """
    if networks is None:
        return
    if isinstance(networks, dict):
        _check_streams(model, networks, weights)
    new = may_stay_random(model)
    sources = by_name(networks)
    started = [s for s, source in sources.items() if source == IMAGENET]
    if started:
        streams = started if isinstance(networks, dict) else None
        report = imagenet(model, inflation, streams)
        logger.warning("Started from ImageNet's weights: %s.", report)
        # What is inflated is followed by how.
        done = (*report.copied, *report.inflated)
        new |= {layer.partition(" ")[0] for layer in done}
    sources = {s: n for s, n in sources.items() if s not in started}
    if not sources:
        return
    network = sources.pop(NETWORK, None)
    if network is not None:
        report, new = copy_stages(model, sources, network), ()
    elif isinstance(networks, dict):
        report = copy_streams(model, sources)
    else:
        report = _copy(networks, model, weights, inflation, copy_head)
        if report.inflated and not copy_head:  # not in the tower
            new |= {path for path in report.missing if "/" not in path}
    unfit = unfit_layers(report, new)
    checks.check(
        not unfit,
        "weights",
        "a network of the same towers to start from, of the same backbones; "
        f"these do not fit: {', '.join(unfit[:3])[:300]} ({len(unfit)} layers)",
        weights,
    )
    paths = ", ".join(map(str, by_name(weights).values()))
    logger.warning("Started from %s: %s.", paths, report)


def _check_streams(model, networks, weights):
    wanted = _modalities(model)
    staged = NETWORK in networks
    one = "the path of one run or .keras file"
    expected = None
    if staged and not towers(model):
        expected = f"{one}: only a network with towers inside starts from "
        expected += "several"
    elif len(wanted) == 1 and not staged:
        expected = f"{one} for a network of {wanted[0]}"
    elif staged and IMAGENET in networks.values():
        expected = "a run or .keras file for each stream: a network over "
        expected += "features goes on with the towers that made them"
    elif set(networks) - {NETWORK} != set(wanted):
        expected = f"a run or .keras file for each stream of {wanted}"
    checks.check(expected is None, "weights", expected, weights)


def _copy(source, model, weights, inflation, copy_head):
    have, want = _modalities(source), _modalities(model)
    if have == want:
        return copy_by_name(source, model)
    if have == ("rgb",) and len(want) == 1:
        return cross_modality(source, model, inflation, copy_head)
    if len(have) == len(want) == 1 and {*have, *want} <= {*FLOWS}:
        return copy_by_name(source, model, {have[0]: want[0]})
    other = " or of rgb"
    if len(want) > 1:
        paths = ", ".join(f"{stream}: RUN" for stream in want)
        other = f", or {{{paths}}}"
    raise checks.ArgumentError(
        "weights",
        f"a network of {' + '.join(want)}{other} to start from, not of "
        f"{' + '.join(have)}",
        weights,
    )


def _modalities(model):
    layer = class_scores(model)
    if layer is None or layer.clip_spec is None:
        raise ValueError(
            "Expected a network that knows what it wants to see. Received: "
            f"model={model.name!r} without a clip specification"
        )
    return layer.clip_spec.modalities
