"""Checks of the arguments that builders share, and what they start from."""

import logging
import pathlib
import typing

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts import published
from keras_vidrec.backbones.tower import check_channels_last
from keras_vidrec.layers.class_scores import ACTIVATIONS
from keras_vidrec.specs import checks
from keras_vidrec.weights import imagenet
from keras_vidrec.weights import pretrained
from keras_vidrec.weights import streams as weights_of_streams
from keras_vidrec.weights.starting import IMAGENET

logger = logging.getLogger("keras_vidrec")

# The streams of networks of several, in their order.
STREAMS: tuple[typing.Literal["rgb", "flow"], ...] = ("rgb", "flow")


def check_common(include_top, weights, pooling, classes, classifier_activation):
    """Validates the arguments every builder has, before any weight exists.

    Raises:
        ValueError: naming the argument, what was expected and what came. Or
            if Keras is configured for channels first.
    """
    check_channels_last()
    if weights not in (None, IMAGENET) and not published.is_name(weights):
        checks.check(
            isinstance(weights, (str, pathlib.Path))
            and str(weights).endswith(".weights.h5")
            and pathlib.Path(weights).is_file(),
            "weights",
            'None, "imagenet", the path of an existing `.weights.h5` file, or '
            "what `vidrec presets` lists: a name, or a data set, one of "
            f"{published.data_sets()}",
            weights,
        )
    checks.choice("pooling", pooling, (None, "avg", "max"))
    if include_top:
        checks.count("classes", classes)
        checks.choice(
            "classifier_activation", classifier_activation, ACTIVATIONS
        )


def check_streams(streams):
    """The streams of a network as a tuple.

    Raises:
        ValueError: if they are not different ones of `STREAMS`.
    """
    known = isinstance(streams, (tuple, list)) and all(
        stream in STREAMS for stream in streams
    )
    checks.check(
        known and streams and len(set(streams)) == len(streams),
        "streams",
        f"one or more of {STREAMS} in a tuple",
        streams,
    )
    return tuple(streams)


def by_stream(name, given, streams):
    """An argument of a network as a dict by stream.

    Args:
        name: str. Name of the argument.
        given: `None`, or dict with an item for each stream; for a single
            stream also the item itself.
        streams: tuple of str.

    Returns:
        dict by stream, of `None` if nothing is given.

    Raises:
        ValueError: if it is a dict of other streams, or none where there are
            several.
    """
    if given is None:
        return dict.fromkeys(streams)
    if len(streams) == 1 and not isinstance(given, dict):
        return {streams[0]: given}
    checks.check(
        isinstance(given, dict) and set(given) == set(streams),
        name,
        f"None or a dict of {tuple(streams)}",
        given,
    )
    return {stream: given[stream] for stream in streams}


def backbones_by_stream(backbone, streams, over_features=False):
    """The argument `backbone` of a builder as a dict by stream.

    Args:
        backbone: str, a key of `backbones.BACKBONES`; a `keras.Model`; or a
            dict of these by stream.
        streams: tuple of str.
        over_features: bool. Whether `None` is allowed: a stream that is shown
            features. Defaults to `False`.

    Returns:
        dict by stream of str, `keras.Model` or `None`.

    Raises:
        ValueError: if a name is unknown, a stream is missing in a dict or is
            none of the network's, or a `keras.Model` ends in probabilities.
    """
    if not isinstance(backbone, dict):
        backbone = dict.fromkeys(streams, backbone)
    found = by_stream("backbone", backbone, streams)
    for tower in found.values():
        if isinstance(tower, keras.Model):
            backbones.check_features(tower)
        elif tower is not None or not over_features:
            backbones.find(tower)
    return found


def check_imagenet(towers, weights):
    """Refuses to start towers from ImageNet's weights that have none.

    Args:
        towers: dict by stream of a name or a `keras.Model`, for each stream
            that has a backbone.
        weights: what they are to start from, alone or a dict by stream:
            `"imagenet"`, or anything else.

    Raises:
        ValueError: naming the backbones that have such weights.
        ImportError: naming the extra to install, if they come with a package.
    """
    rows = backbones.BACKBONES
    known = tuple(name for name, row in rows.items() if row.imagenet)
    if not towers and weights == IMAGENET:
        raise ValueError(
            "Only towers start from ImageNet's weights, and a network over "
            "features has none. Expected weights=None or a file, or a "
            f"backbone of {known}. Received: weights='imagenet'"
        )
    if not isinstance(weights, dict):
        weights = dict.fromkeys(towers, weights)
    for stream, tower in towers.items():
        if weights.get(stream) != IMAGENET:
            continue
        if tower in known:
            pretrained.check_available(tower)
            continue
        whose, expected = "a keras.Model", f"one of {known}"
        if isinstance(tower, str):
            whose, family = f"backbone {tower!r}", rows[tower].family
            relatives = [n for n in known if rows[n].family == family]
            if relatives:
                expected = f"backbone={relatives[0]!r}, its relative"
        raise ValueError(
            f"There are no named ImageNet weights for {whose}. Expected "
            f"{expected}; for others, a file by `vidrec "
            "import-weights` (docs/weights.md). Received: weights='imagenet'"
        )


def check_pair(from_streams):
    """Raises a `ValueError` unless it is `None` or a pair of networks."""
    checks.check(
        from_streams is None
        or isinstance(from_streams, (tuple, list))
        and len(from_streams) == 2
        and all(isinstance(network, keras.Model) for network in from_streams),
        "from_streams",
        "a pair (rgb_model, flow_model) of trained networks",
        from_streams,
    )


def load(model, weights, backbones):
    """Loads the weights of a new network, given by its builder's arguments.

    Args:
        model: keras.Model to change in place.
        weights: `None` (nothing is done), `"imagenet"` or the path of a
            `.weights.h5` file.
        backbones: dict by stream of its backbones.
    """
    if weights == IMAGENET:
        imagenet(model, backbone=backbones)
    elif weights is not None:
        model.load_weights(weights)
        model_file.check_finite(model, weights)


def start_from(model, from_streams):
    """Copies the weights of two trained networks of one stream each, by name.

    What has no counterpart, such as the fusion, keeps its own weights, and so
    does a classifier for other classes; that is logged.

    Raises:
        ValueError: if a network is not of its stream, or a layer of the
            towers does not fit.
    """
    report = weights_of_streams.copy_streams(
        model, dict(zip(STREAMS, from_streams))
    )
    unfit = weights_of_streams.unfit_layers(
        report, weights_of_streams.may_stay_random(model)
    )
    if unfit:
        raise ValueError(
            "Expected networks of the same towers in `from_streams`. Received "
            f"some where these do not fit: {', '.join(unfit[:3])[:300]} "
            f"({len(unfit)} layers)"
        )
    logger.warning("Started from two streams: %s.", report)
