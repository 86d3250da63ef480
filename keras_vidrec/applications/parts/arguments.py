"""Checks the arguments that builders share, and loads initial weights."""

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

# The streams of networks with two streams, in order.
STREAMS: tuple[typing.Literal["rgb", "flow"], ...] = ("rgb", "flow")


def check_common(include_top, weights, pooling, classes, classifier_activation):
    """Checks the arguments that every builder has, before any weight exists.

    Raises:
        ValueError: if an argument is invalid, or Keras is configured for
            channels first.
    """
    check_channels_last()
    if weights not in (None, IMAGENET) and not published.is_name(weights):
        checks.check(
            isinstance(weights, (str, pathlib.Path))
            and str(weights).endswith(".weights.h5")
            and pathlib.Path(weights).is_file(),
            "weights",
            'None, "imagenet", the path of an existing `.weights.h5` file, or '
            "a name that `vidrec presets` lists, or a dataset, one of "
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
    """Returns the argument `streams` of a builder as a tuple.

    Raises:
        ValueError: if it does not consist of different names in `STREAMS`.
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
    """Returns an argument of a builder as a dict by stream.

    Args:
        name: str. Name of the argument.
        given: `None`, or dict with an item for each stream; for a single
            stream also the item itself.
        streams: tuple of str.

    Returns:
        dict by stream. Its values are `None` if `given` is `None`.

    Raises:
        ValueError: if the keys are other streams, or it is not a dict although
            there are several streams.
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
    """Returns the argument `backbone` of a builder as a dict by stream.

    Args:
        backbone: str, a key of `backbones.BACKBONES`; a `keras.Model`; or a
            dict of these by stream.
        streams: tuple of str.
        over_features: bool. Whether `None` is allowed, for a stream whose input
            is features. Defaults to `False`.

    Returns:
        dict by stream of str, `keras.Model` or `None`.

    Raises:
        ValueError: if a name is unknown, the keys of a dict are not the
            streams, or a `keras.Model` ends in probabilities.
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
    """Raises an error if `weights="imagenet"` is given for a backbone without
    such weights.

    Args:
        towers: dict by stream of a name or a `keras.Model`, for each stream
            that has a backbone.
        weights: the initial weights of all towers, or a dict of them by stream.
            Only `"imagenet"` is checked.

    Raises:
        ValueError: naming the backbones that have ImageNet weights, if one has
            none.
        ImportError: naming the extra to install, if the weights are in a
            package that is not installed.
    """
    rows = backbones.BACKBONES
    known = tuple(name for name, row in rows.items() if row.imagenet)
    if not towers and weights == IMAGENET:
        raise ValueError(
            "ImageNet weights are for backbones, and a network over features "
            "has none. Expected weights=None or a file, or a backbone of "
            f"{known}. Received: weights='imagenet'"
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
                expected = f"backbone={relatives[0]!r}, which is similar"
        raise ValueError(
            f'weights="imagenet" is not available for {whose}. Expected '
            f"{expected}; for others, a file made by `vidrec "
            "import-weights` (docs/weights.md). Received: weights='imagenet'"
        )


def check_pair(from_streams):
    """Raises a `ValueError` unless the argument `from_streams` is `None` or a
    pair of networks."""
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
    """Loads initial weights into a new network.

    Args:
        model: keras.Model to change in place.
        weights: `None` (nothing is done), `"imagenet"` or the path of a
            `.weights.h5` file.
        backbones: dict by stream of the network's backbones.
    """
    if weights == IMAGENET:
        imagenet(model, backbone=backbones)
    elif weights is not None:
        model.load_weights(weights)
        model_file.check_finite(model, weights)


def start_from(model, from_streams):
    """Copies the weights of two trained networks, one for each stream, by the
    names of layers.

    Layers without a counterpart, such as the fusion, and a classifier for other
    classes keep their weights. These layers are logged.

    Args:
        model: keras.Model to change in place.
        from_streams: pair `(rgb_model, flow_model)`.

    Raises:
        ValueError: if a network has another modality, or a layer of the towers
            does not fit.
    """
    report = weights_of_streams.copy_streams(
        model, dict(zip(STREAMS, from_streams))
    )
    unfit = weights_of_streams.unfit_layers(
        report, weights_of_streams.may_stay_random(model)
    )
    if unfit:
        raise ValueError(
            "Expected networks with the same towers in `from_streams`. "
            "Received: networks in which these layers do not fit: "
            f"{', '.join(unfit[:3])[:300]} ({len(unfit)} layers)"
        )
    logger.warning("Initialized from two streams: %s.", report)
