"""Loads the networks of the section `initialization` of a recipe."""

import logging
import pathlib
import types

from keras_vidrec.applications import published
from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.training import loading
from keras_vidrec.weights import downloads
from keras_vidrec.weights import presets
from keras_vidrec.weights.starting import IMAGENET
from keras_vidrec.weights.starting import by_name

logger = logging.getLogger("keras_vidrec")


def check_frozen(section, streams):
    """Raises an error if towers or statistics with random weights would be
    frozen."""
    if section.weights is not None:
        return
    form = _by_stream(dict.fromkeys(streams, "RUN"))
    way = f"trained weights, `initialization.weights={form}` with runs or "
    way += "files by `vidrec import-weights` (docs/weights.md), or "
    owner = " without initialization.weights"
    for name, off in (("frozen", "[]"), ("partial_batch_norm", "false")):
        value, name = getattr(section, name), f"initialization.{name}"
        checks.check(not value, name, f"{way}`{name}={off}`", value, owner)


def check(weights):
    """Raises an error if one of the networks of `initialization.weights` does
    not exist. Nothing is loaded.

    Args:
        weights: as for `load`.

    Raises:
        ValueError: with the name of the setting.
    """
    _named(weights)


def _named(weights):
    """Returns the networks of `load` as a dict by stream (by `None` if there is
    a single one), and whether `load` returns a dict."""
    is_dict = isinstance(weights, dict)
    networks = dict(by_name(weights))
    if not is_dict and _is_preset(weights):
        found = presets.find(weights)
        if isinstance(found, presets.Group):
            is_dict = True
            networks = {
                stream: presets.PREFIX + one.name
                for stream, one in found.streams.items()
            }
    expected = 'the path of a run or of a .keras file, "preset:NAME" with a '
    expected += 'name that `vidrec presets` lists, or "imagenet"'
    for name, path in networks.items():
        key = "initialization.weights"
        # A dict of one stream without a path is a recipe that must be
        # completed: the error is about the whole setting.
        if name and (len(networks) > 1 or path is not None):
            key += f".{name}"
        if _is_preset(path):
            presets.find(path)
            continue
        found = isinstance(path, str) and (
            downloads.is_on_hub(path) or pathlib.Path(path).exists()
        )
        checks.check(found or path == IMAGENET, key, expected, path)
    return networks, is_dict


def load(weights, over_features=False, backbones=types.MappingProxyType({})):
    """Loads the networks of `initialization.weights`.

    Args:
        weights: `None`, str, or dict of them by stream: the path of a run or a
            file, an address on a hub, `"preset:NAME"`, or `"imagenet"`.
        over_features: bool. Whether to load the `head.keras` of runs over
            features, because the new network is over features too. Defaults to
            `False`.
        backbones: dict of str by stream. Backbones of the new network. A preset
            with others raises an error before it is downloaded. Defaults to
            none.

    Returns:
        keras.Model, `"imagenet"` or `None`; a dict of them by stream if
        `weights` is a dict or a preset of several streams.

    Raises:
        ValueError: if weights do not exist or have other backbones.
    """
    networks, is_dict = _named(weights)
    named = {
        name: presets.find(path) if _is_preset(path) else None
        for name, path in networks.items()
    }
    check_backbones(weights, named if is_dict else named.get(None), backbones)
    for name, path in networks.items():
        if _is_preset(path):
            networks[name] = _published(path)
        elif path != IMAGENET:
            networks[name] = loading.load(path, over_features=over_features)
    return networks if is_dict else networks.get(None)


def _is_preset(path):
    return presets.named(path) is not None


def _published(name):
    """Loads a preset, and logs that its training videos are not known."""
    model = published.to_start_from(name)
    found = presets.find(name)
    one = found.first if isinstance(found, presets.Group) else found
    if one.application is not None:
        split = "" if one.split is None else f", split {one.split}"
        logger.warning(
            "%s was trained on %s%s: the list of its training videos is not "
            "known, so a test on them cannot be detected.",
            name,
            one.data,
            split,
        )
    return model


def parents(networks):
    """The origin of initial weights, for the `Origin` of the new network.

    Args:
        networks: as `load` returns them.

    Returns:
        dict: empty, or with the key `"weights"` and an `Origin`, whose parents
        are the networks by stream if there are several.
    """
    origins = {
        stream: _origin(network)
        for stream, network in by_name(networks).items()
    }
    if isinstance(networks, dict):
        return {"weights": Origin(parents=origins)}
    return {"weights": origin for origin in origins.values()}


def _origin(network) -> Origin:
    if network == IMAGENET:
        return Origin(fingerprint=IMAGENET)
    origin = describe(network).origin or Origin()
    # Networks of this package store a fingerprint; for others it is computed
    # from all weights.
    weights = origin.fingerprint or feature_tower.fingerprint(network)
    return origin.replace(kind="network", fingerprint=weights)


def check_backbones(weights, networks, backbones):
    """Raises an error if an initial network has other backbones.

    Args:
        weights: the value of `initialization.weights`, for the message.
        networks: networks, presets, `"imagenet"` or `None`, alone or as a dict
            by stream.
        backbones: dict of str by stream. Backbones of the new network.

    Raises:
        ValueError: if they differ.
    """
    unlike = {}
    for stream, name in backbones.items():
        if isinstance(networks, dict):
            found = _backbone(networks.get(stream), stream, 1)
        else:
            found = _backbone(networks, stream, len(backbones))
        if found not in (None, name):
            unlike[stream] = found
    expected = "towers of the network's own backbones, "
    expected += " and ".join(
        f"{backbones[stream]} for {stream} where {found} came"
        for stream, found in unlike.items()
    )
    setting = _by_stream({**backbones, **unlike})
    expected += f", or `network.arguments.backbone={setting}`"
    checks.check(not unlike, "initialization.weights", expected, weights)


def _of_preset(preset):
    """The backbones of a preset by stream; empty for a preset that is a tower
    alone, which is checked after it was loaded."""
    if getattr(preset, "application", None) is None:
        return {}
    known = preset.arguments["backbone"]
    return known if isinstance(known, dict) else {preset.modality: known}


def _by_stream(values: dict) -> str:
    """Values by stream in the form in which a recipe sets them."""
    pairs = ", ".join(f"{stream}: {value}" for stream, value in values.items())
    if len(values) > 1:
        return f"{{{pairs}}}"
    return "".join(map(str, values.values()))


def _backbone(network, stream, num_streams):
    """The backbone of a stream of an initial network or preset; `None` if it
    states none, or has another number of streams, which raises an error
    later."""
    if network in (None, IMAGENET):
        return None
    if isinstance(network, (presets.Preset, presets.Group)):
        stated = _of_preset(network)
    else:
        blueprint = describe(network).blueprint
        stated = {} if blueprint is None else blueprint.backbones
    if len(stated) != num_streams:
        return None
    return [*stated.values()][0] if num_streams == 1 else stated.get(stream)
