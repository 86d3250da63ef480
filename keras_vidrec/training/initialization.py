"""From the section `initialization` of a recipe to networks to start from."""

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
    """Refuses to freeze towers or statistics of random weights."""
    if section.weights is not None:
        return
    form = _by_stream(dict.fromkeys(streams, "RUN"))
    way = f"trained weights, `initialization.weights={form}` with runs or "
    way += "files by `vidrec import-weights` (docs/weights.md), or "
    owner = " without initialization.weights"
    for name, off in (("frozen", "[]"), ("partial_batch_norm", "false")):
        value, name = getattr(section, name), f"initialization.{name}"
        checks.check(not value, name, f"{way}`{name}={off}`", value, owner)


def load(weights, over_features=False, backbones=types.MappingProxyType({})):
    """The networks of `initialization.weights`, in its form; of runs over
    features those that see these, if the new one does; of a preset that is a
    pair of streams a dict. Presets of other `backbones` than these, by stream,
    are refused before they are downloaded."""
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
        # What a recipe leaves open alone is no stream of several.
        if name and (len(networks) > 1 or path is not None):
            key += f".{name}"
        if _is_preset(path):
            presets.find(path)
            continue
        found = isinstance(path, str) and (
            downloads.is_on_hub(path) or pathlib.Path(path).exists()
        )
        checks.check(found or path == IMAGENET, key, expected, path)
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
    """A published network, and that its videos are not known."""
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
    """What weights start from, for the `Origin` of the new network.

    Args:
        networks: as `load` gives them.

    Returns:
        dict: nothing, or `"weights"`, an `Origin`, which has several networks
        as parents, by stream.
    """
    origins = {
        stream: _origin(network)
        for stream, network in by_name(networks).items()
    }
    if isinstance(networks, dict):
        return {"weights": Origin(parents=origins)}
    return {"weights": origin for origin in origins.values()}


def _origin(network):
    if network == IMAGENET:
        return Origin(fingerprint=IMAGENET)
    origin = describe(network).origin or Origin()
    # Files of this package have it; of others it takes all weights.
    weights = origin.fingerprint or feature_tower.fingerprint(network)
    return origin.replace(kind="network", fingerprint=weights)


def check_backbones(weights, networks, backbones):
    """Refuses to start towers, with `backbones` by stream, from networks that
    state others."""
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
    """The backbones of a published network, by stream; a tower alone is looked
    at when it is there."""
    if getattr(preset, "application", None) is None:
        return {}
    known = preset.arguments["backbone"]
    return known if isinstance(known, dict) else {preset.modality: known}


def _by_stream(values):
    """As the setting of a recipe."""
    pairs = ", ".join(f"{stream}: {value}" for stream, value in values.items())
    if len(values) > 1:
        return f"{{{pairs}}}"
    return "".join(map(str, values.values()))


def _backbone(network, stream, num_streams):
    """The backbone that a network to start from states; `None` where it does
    not, or is not of as many streams, which is refused later."""
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
