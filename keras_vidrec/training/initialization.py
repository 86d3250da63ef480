"""From the section `initialization` of a recipe to networks to start from."""

import pathlib

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import checks
from keras_vidrec.training.run import load_network
from keras_vidrec.weights.starting import IMAGENET
from keras_vidrec.weights.starting import by_name


def check_frozen(section, streams):
    """Refuses to freeze towers or statistics of random weights."""
    if section.weights is not None:
        return
    form = ", ".join(f"{stream}: RUN" for stream in streams)
    form = f"{{{form}}}" if len(streams) > 1 else "RUN"
    way = f'trained weights, --set "initialization.weights={form}" with runs '
    way += "or files by `vidrec import-weights` (docs/weights.md), or --set "
    owner = " without initialization.weights"
    for name, off in (
        ("frozen", '"initialization.frozen=[]"'),
        ("partial_batch_norm", "initialization.partial_batch_norm=false"),
    ):
        value, name = getattr(section, name), f"initialization.{name}"
        checks.check(not value, name, way + off, value, owner)


def load(weights):
    """The networks at the paths of `initialization.weights`, in its form."""
    networks = dict(by_name(weights))
    expected = 'the path of a run or of a .keras file, or "imagenet"'
    for name, path in networks.items():
        key = "initialization.weights" + (f".{name}" if name else "")
        found = isinstance(path, str) and pathlib.Path(path).exists()
        checks.check(found or path == IMAGENET, key, expected, path)
    for name, path in networks.items():
        if path != IMAGENET:
            networks[name] = load_network(path)
    return networks if isinstance(weights, dict) else networks.get(None)


def check_backbones(weights, networks, backbones):
    """Refuses to start towers, with `backbones` by stream, from networks that
    state others."""
    unlike, given = {}, []
    for stream, name in backbones.items():
        network, key, path = networks, "", weights
        if isinstance(networks, dict):
            network, key = networks.get(stream), f".{stream}"
            path = weights.get(stream)
        found = _backbone(network, stream, 1 if key else len(backbones))
        if found not in (None, name):
            unlike[stream] = found
            whose = f"{path!r}, of {found} for {stream}"
            given.append(f"initialization.weights{key}={whose}")
    if unlike:
        wanted = " and of ".join(backbones[stream] for stream in unlike)
        fitting = {**backbones, **unlike}.items()
        setting = ", ".join(f"{stream}: {name}" for stream, name in fitting)
        setting = f"{{{setting}}}" if len(backbones) > 1 else found
        raise ValueError(
            "A network starts from towers of its own backbones. Expected a "
            f"run or file of {wanted}, or --set "
            f'"network.arguments.backbone={setting}". Received: '
            f"{' and '.join(given)}"
        )


def _backbone(network, stream, num_streams):
    """The backbone that a network to start from states; `None` where it does
    not, or is not of as many streams, which is refused later."""
    if network in (None, IMAGENET):
        return None
    blueprint = describe(network).blueprint
    stated = {} if blueprint is None else blueprint.backbones
    if len(stated) != num_streams:
        return None
    return [*stated.values()][0] if num_streams == 1 else stated.get(stream)
