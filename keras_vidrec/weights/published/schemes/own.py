"""Networks of this package, with its own names."""

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.backbones.pixel_scaling import PixelScaling
from keras_vidrec.weights.pixels import kind_of
from keras_vidrec.weights.published.schemes import layer_names
from keras_vidrec.weights.published.schemes.scheme import Scheme
from keras_vidrec.weights.published.translation import Piece
from keras_vidrec.weights.published.translation import Translation
from keras_vidrec.weights.towers import Slot
from keras_vidrec.weights.towers import layer_places
from keras_vidrec.weights.towers import stream_of

_SCALING = "preprocessing"
_RANDOM = "seed_generator_state"
# The first convolution of a residual unit.
_FIRST = "res2a_branch2a"


def translate(checkpoint, backbone):
    """Translates weights of a network of this package; see `Scheme`."""
    # Files of older Keras versions with the same names are not of this package.
    if checkpoint.facts.get("layout") != "keras3":
        return _translation(unknown=tuple(checkpoint.tensors))
    layers = checkpoint.facts["layers"]
    places = layer_places(dict.fromkeys(layers.values()))
    if not _is_of(backbone, checkpoint, places):
        return _translation(unknown=tuple(checkpoint.tensors))
    pieces, ignored = {}, {}
    for name, array in checkpoint.tensors.items():
        if name.endswith(_RANDOM):
            ignored[name] = "the state of random numbers"
            continue
        variable = name.removeprefix(layers[name]).lstrip("/")
        pieces[Slot(*places[layers[name]], variable)] = Piece(name, array)
    return _translation(
        pieces=pieces,
        scaling=dict(_scalings(checkpoint.facts["config"])),
        ignored=ignored,
    )


def _is_of(backbone, checkpoint, places):
    """Whether a stream of a network has this backbone: by its blueprint, or
    without one, as in files of weights alone, by the names of layers."""
    stated = list(_stated(checkpoint.facts["config"]))
    if stated and None not in stated:
        return backbone in stated
    if backbone in stated:
        return True
    streams = {}
    for layer, (stream, name) in places.items():
        streams.setdefault(stream, {})[name] = layer
    return any(
        backbone in layer_names.candidate_backbones(layers)
        and (
            BACKBONES[backbone].units is None
            # PyTorch's release of a ResNet has no biases; the others do.
            or layer_names.has_bias(_FIRST, backbone)
            == (f"{layers.get(_FIRST)}/bias" in checkpoint.tensors)
        )
        for layers in streams.values()
    )


def _stated(config):
    """Yields the backbones in the blueprint of a network's config."""
    for layer in config["config"].get("layers", ()) if config else ():
        if layer["class_name"] == "ClassScores":
            blueprint = layer["config"].get("blueprint")
            found = isinstance(blueprint, dict) and blueprint.get("backbones")
            if isinstance(found, dict):
                yield from found.values()


def _translation(pieces=None, scaling=None, **others):
    return Translation("keras_vidrec", pieces or {}, scaling or {}, **others)


def _scalings(config, stream=None):
    """Yields pairs of a modality and its pixel scaling from a config."""
    layers = config["config"].get("layers", ()) if config else ()
    names = [str(layer["config"].get("name")) for layer in layers]
    # In a network of one stream, the name of the tower is the modality.
    stream = stream or next(filter(None, map(stream_of, names)), None)
    for layer, name in zip(layers, names):
        settings = layer["config"]
        if layer["class_name"] == "PixelNormalization":
            own = stream_of(name.removesuffix(f"_{_SCALING}"))
            yield (
                kind_of(own or stream),
                PixelScaling(
                    _number_or_tuple(settings.get("mean", 0.0)),
                    _number_or_tuple(settings.get("std", 1.0)),
                    settings.get("channel_order", "rgb"),
                ),
            )
        elif "layers" in settings:
            yield from _scalings(layer, stream_of(name))


def _number_or_tuple(value):
    return tuple(value) if isinstance(value, list) else value


KERAS_VIDREC = Scheme(
    name="keras_vidrec",
    formats=("keras",),
    backbones=tuple(BACKBONES),
    translate=translate,
)
