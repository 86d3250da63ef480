"""The initial weights of a training, from trained networks."""

import logging

from keras_vidrec.specs import checks
from keras_vidrec.weights.copying import copy_by_name
from keras_vidrec.weights.cross_modality import cross_modality
from keras_vidrec.weights.imagenet import imagenet
from keras_vidrec.weights.streams import FLOWS
from keras_vidrec.weights.streams import behind_towers
from keras_vidrec.weights.streams import copy_streams
from keras_vidrec.weights.streams import copy_towers
from keras_vidrec.weights.streams import may_stay_random
from keras_vidrec.weights.streams import unfit_layers
from keras_vidrec.weights.towers import class_scores
from keras_vidrec.weights.towers import towers

logger = logging.getLogger("keras_vidrec")

# Instead of a network: the weights of `weights.imagenet`.
IMAGENET = "imagenet"

# Number of layers that a log line names.
_NAMED = 6


def by_name(sources):
    """Returns a dict unchanged, `{}` for `None`, and `{None: sources}` for any
    other object."""
    if isinstance(sources, dict):
        return sources
    return {} if sources is None else {None: sources}


def start_from(model, networks, inflation="avg", weights=None, copy_head=False):
    """Copies the weights of trained networks, layer by layer, by name.

    These layers may keep their random weights:

    - in a motion network that starts from an rgb network
      (`weights.cross_modality`), the layers after the tower, unless
      `copy_head`;
    - in a network of several streams that starts from one network for each
      (`weights.copy_streams`), layers that join streams or filter over time,
      and the first layers after a fusion with another number of channels;
    - a classifier for another number of classes;
    - in a network over features with backbones inside (STFN) that starts from
      networks of single snippets, all layers after the towers, because those
      of the snippets' classifiers have other inputs;
    - everything but towers that start from ImageNet (`weights.imagenet`).

    They are logged. Any other layer without weights to copy is an error,
    because a random first convolution, for example, would ruin the training
    unnoticed. The pixel scaling of a stream is that of the network it starts
    from, if that has the same modality.

    Args:
        model: keras.Model to change in place.
        networks: `None` (nothing is done), keras.Model or `"imagenet"`; or a
            dict of these by stream, for all streams of the model.
        inflation: str. A mode of `weights.cross_modality`. Defaults to
            `"avg"`.
        weights: names of the networks for errors and the log, such as paths:
            str or dict like `networks`. Defaults to `None`.
        copy_head: bool. See `weights.cross_modality`. Defaults to `False`.

    Returns:
        tuple of str: the paths of the layers that keep their random weights,
        sorted; empty if `networks` is `None`.

    Raises:
        ValueError: if the modality of a network cannot be used for the model,
            a stream is missing, or another layer does not fit.
    """
    if networks is None:
        return ()
    if isinstance(networks, dict):
        _check_streams(model, networks, weights)
    new, random = may_stay_random(model), set()
    sources = by_name(networks)
    started = [s for s, source in sources.items() if source == IMAGENET]
    done = set()
    if started:
        streams = started if isinstance(networks, dict) else None
        report = imagenet(model, inflation, streams)
        logger.warning("Started from ImageNet's weights: %s.", report)
        # Inflated layers are followed by the conversion.
        copied = (*report.copied, *report.inflated)
        done = {layer.partition(" ")[0] for layer in copied}
        random = _random(report)
    sources = {s: n for s, n in sources.items() if s not in started}
    if sources:
        behind = _behind(model, networks)
        new |= behind
        if not isinstance(networks, dict):
            report = _copy(
                networks, model, weights, inflation, copy_head, bool(behind)
            )
            if report.inflated and not copy_head:  # not in the tower
                new |= {path for path in report.missing if "/" not in path}
        elif behind:
            report = copy_towers(model, sources)
        else:
            report = copy_streams(model, sources)
        unfit = unfit_layers(report, new | done)
        checks.check(
            not unfit,
            "weights",
            "a network of the same towers to start from, of the same "
            f"backbones; these do not fit: {', '.join(unfit[:3])[:300]} "
            f"({len(unfit)} layers)",
            weights,
        )
        paths = ", ".join(map(str, by_name(weights).values()))
        logger.warning("Started from %s: %s.", paths, report)
        random = _random(report) - done
    _log_random(random)
    return tuple(sorted(random))


def _behind(model, networks):
    """Returns the layers after the towers if the networks to start from are
    classifiers of snippets, which do not have these layers."""
    behind = behind_towers(model)
    if isinstance(networks, dict):
        return behind
    alone = len(_modalities(model)) == 1 and not behind_towers(networks)
    return behind if alone else set()


def _random(report):
    """Returns the paths of the layers that keep their random weights."""
    return {layer.partition(" ")[0] for layer in unfit_layers(report)}


def _log_random(layers):
    """Logs the layers that start from random weights, in one line."""
    if not layers:
        return
    named = ", ".join(sorted(layers)[:_NAMED])
    more = len(layers) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    logger.warning("Layers that start at random: %s%s.", named, rest)


def _check_streams(model, networks, weights):
    wanted = _modalities(model)
    expected = None
    if len(wanted) == 1:
        expected = "the path of one run or .keras file for a network of "
        expected += wanted[0]
    elif set(networks) != set(wanted):
        expected = f"a run or .keras file for each stream of {wanted}"
    checks.check(expected is None, "weights", expected, weights)


def _copy(source, model, weights, inflation, copy_head, only_tower):
    have, want = _modalities(source), _modalities(model)
    if len(have) == len(want) and all(
        one == other or {one, other} <= {*FLOWS}
        for one, other in zip(have, want)
    ):
        checks.check(
            bool(towers(source)) or not towers(model),
            "weights",
            "a network that sees videos, not one over features; `vidrec join` "
            "makes one from this network and those that made its features",
            weights,
        )
        if only_tower:
            return copy_towers(model, {want[0]: source})
        return copy_by_name(source, model, dict(zip(have, want)))
    if have == ("rgb",) and len(want) == 1:
        return cross_modality(source, model, inflation, copy_head)
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
            "Expected a network with a clip specification. Received: "
            f"model={model.name!r} without one"
        )
    return layer.clip_spec.modalities
