"""The applications by name, and facts that follow from their arguments.

The functions work on the arguments of a network, without building it. They
take the `application`, a key of `BUILDERS`, and its `arguments`, a dict of the
given ones.
"""

import functools
import types
import typing

import keras

from keras_vidrec.applications.parts import arguments as parts
from keras_vidrec.applications.parts import published
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks

# The arguments of every builder that may be given by position.
COMMON = (
    "include_top",
    "weights",
    "input_tensor",
    "input_shape",
    "pooling",
    "classes",
    "classifier_activation",
    "name",
)
# Arguments that are not recorded in the blueprint: initial weights and inputs.
_UNRECORDED = ("weights", "input_tensor", "from_streams")

_builders: dict[str, typing.Callable] = {}

# The builders by name, without `LateFusion`, which fuses trained networks. Each
# has the attribute `defaults`, see `builder`.
BUILDERS = types.MappingProxyType(_builders)


_Function = typing.TypeVar("_Function", bound=typing.Callable)


@typing.overload
def builder(function: _Function) -> _Function: ...


@typing.overload
def builder(
    *,
    whole_video: bool = False,
    frame: FrameSpec | None = None,
    test: TestProtocol = PROTOCOLS["25x10"].test,
) -> typing.Callable[[_Function], _Function]: ...


def builder(
    function=None,
    *,
    whole_video=False,
    frame=None,
    test=PROTOCOLS["25x10"].test,
):
    """Decorator that makes a builder from a function that builds layers.

    The builder checks the common arguments, `backbone` and `weights` before any
    layer exists, and then calls the function. It records the `Blueprint` of the
    network, and loads its weights: the function ignores `weights` and
    `from_streams`. A preset also sets the number and names of classes, the clip
    specification and the test protocol.

    Args:
        function: function with the arguments `COMMON`, and others by keyword,
            each with a default. It returns a `keras.Model`.
        whole_video: bool. Whether a clip consists of all stored frames of a
            video. Over features, `num_segments` is the number of stored frames
            then. Defaults to `False`.
        frame: `None` (`FrameSpec()`, a shorter side of 256 pixels), or the
            `FrameSpec` of the network's `ClipSpec`. Defaults to `None`.
        test: `TestProtocol` of the paper, which the network has unless a
            recipe sets another one. Defaults to TSN's.

    Returns:
        Function with the same signature, with the attributes `defaults`, a
        mapping of the defaults of all arguments by name, `whole_video` and
        `frame`.
    """
    if function is None:
        return functools.partial(
            builder, whole_video=whole_video, frame=frame, test=test
        )
    application = function.__name__
    defaults = types.MappingProxyType(
        {
            **dict(zip(COMMON, function.__defaults__)),
            **function.__kwdefaults__,
        }
    )

    @functools.wraps(function)
    def build(*args, **kwargs):
        given = {**dict(zip(COMMON, args)), **kwargs}
        if len(given) < len(args) + len(kwargs) or not given.keys() <= (
            defaults.keys()
        ):
            return function(*args, **kwargs)  # raises Python's own TypeError
        values = {**defaults, **given}
        parts.check_common(
            values["include_top"],
            values["weights"],
            values["pooling"],
            values["classes"],
            values["classifier_activation"],
        )
        towers = backbones(application, given)
        parts.check_imagenet(towers, values["weights"])
        from_streams = values.get("from_streams")
        parts.check_pair(from_streams)
        preset = file = None
        if published.is_name(values["weights"]):
            preset = published.chosen(
                application, given, values["weights"], defaults
            )
            file = preset.fetch_by_name()
            given.setdefault("classes", preset.classes)
        model = function(**given)
        if values["include_top"]:
            # If a builder calls another one, the outer builder writes last.
            predictions = predictions_layer(model)
            predictions.test_protocol = test
            predictions.blueprint = Blueprint(
                application,
                {
                    name: _plain(value)
                    for name, value in given.items()
                    if name not in _UNRECORDED
                },
                {
                    stream: tower if isinstance(tower, str) else None
                    for stream, tower in towers.items()
                },
            )
        if preset is None:
            parts.load(model, values["weights"], towers)
        else:
            published.fill(model, preset, file)
        if from_streams is not None:
            parts.start_from(model, from_streams)
        return model

    build.defaults = defaults
    build.whole_video = whole_video
    build.frame = frame or FrameSpec()
    _builders[application] = build
    return build


def find(application):
    """Returns the builder of an application.

    Raises:
        ValueError: if the name is unknown.
    """
    checks.choice("application", application, tuple(BUILDERS))
    return BUILDERS[application]


def check_arguments(application, arguments):
    """Checks the names of arguments, not their values.

    Raises:
        ValueError: naming the first argument that the application does not
            have.
    """
    known = find(application).defaults
    for name, value in arguments.items():
        checks.check(
            name in known,
            name,
            f"an argument of {application}, one of {sorted(known)}",
            value,
        )


def streams(application, arguments):
    """Returns the streams of a network.

    Returns:
        tuple of str: its `modality` or its `streams`, or rgb and flow for
        networks without such an argument.

    Raises:
        ValueError: if the application, a modality or a stream is unknown.
    """
    values = {**find(application).defaults, **arguments}
    if "modality" in values:
        checks.choice("modality", values["modality"], MODALITIES)
        return (values["modality"],)
    if "streams" in values:
        return parts.check_streams(values["streams"])
    return parts.STREAMS


def backbones(application, arguments):
    """Returns the backbones of a network.

    Returns:
        dict by stream of a name or a `keras.Model`, including defaults. Streams
        whose input is features are not in the dict.

    Raises:
        ValueError: if the application or a backbone is unknown, a stream needs
            a backbone and has none, or a `keras.Model` ends in probabilities.
    """
    defaults = find(application).defaults
    found = parts.backbones_by_stream(
        arguments.get("backbone", defaults["backbone"]),
        streams(application, arguments),
        over_features="features" in defaults,
    )
    return {s: tower for s, tower in found.items() if tower is not None}


def sees_features(application, arguments):
    """Returns whether the inputs of a network are features instead of images.

    Returns:
        bool.

    Raises:
        ValueError: as `backbones`, or if only some of the streams have a
            backbone: no dataset contains both images and features.
    """
    towers = backbones(application, arguments)
    seen = streams(application, arguments)
    checks.check(
        len(towers) in (0, len(seen)),
        "backbone",
        f"a backbone for each of {seen}, or None to be trained on features",
        arguments.get("backbone"),
    )
    return not towers


def _plain(value):
    """Returns a value in the form in which JSON stores it."""
    if isinstance(value, keras.Model):
        return {"keras_model": value.name}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
