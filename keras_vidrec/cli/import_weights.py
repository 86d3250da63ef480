import enum
import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import documents

_PRESET = "preset:"
# The default application for the weights of a backbone.
_TSN = "TSN"

# Modes of `weights.cross_modality`.
Inflation = enum.StrEnum("Inflation", ["avg", "symmetric", "scaled"])


def import_weights(
    source: str = typer.Argument(
        ...,
        help=(
            "File of published weights: PyTorch, safetensors, Caffe, "
            "MatConvNet or Keras; or preset:NAME, a name from `vidrec "
            "presets`."
        ),
    ),
    application: str = typer.Option(
        None,
        help=(
            "Network to build: tsn, two_stream_fusion, ... Default: that of "
            "the preset."
        ),
    ),
    backbone: str = typer.Option(
        None,
        help="Its backbone: resnet50, resnet50_caffe, bn_inception, ... "
        "Default: that of the preset.",
    ),
    out: pathlib.Path = typer.Option(..., help="The .keras file to write."),
    modality: options.Modality = typer.Option(
        None, help="Input modality of a network with one stream."
    ),
    classes: int = typer.Option(
        None, min=1, help="Number of classes. Default: as in SOURCE."
    ),
    class_names: options.ClassNames = None,
    allow_missing: list[str] = typer.Option(
        [],
        help=(
            "Layers that may keep random weights: head, for other classes, "
            "or the name of a layer. Repeatable."
        ),
    ),
    allow_unused: list[str] = typer.Option(
        [],
        metavar="PATTERN",
        help="Tensors of SOURCE to leave out, such as 'aux.*'. Repeatable.",
    ),
    inflate: Inflation = typer.Option(
        None, help="Convert the first layer from rgb to flow, and how."
    ),
    settings: list[str] = typer.Option(
        [],
        "--set",
        metavar="NAME=VALUE",
        help="Set another argument of the network. Repeatable.",
    ),
    file: options.WeightsFile = None,
    trust_first_download: options.Trust = False,
):
    """Load published weights into a network, all of them or none.

    A preset has its own file, and defaults for the options. The format of a
    file is recognized by its content. Pixels are scaled as the weights need it.
    """
    is_preset = source.startswith(_PRESET)
    _check(source, out, is_preset, application, backbone, file)
    arguments = dict(_setting(text) for text in settings)
    names = options.lines(class_names)
    if classes is not None and names is not None and classes != len(names):
        raise typer.BadParameter(
            f"Expected {classes} names. Received: {len(names)}",
            param_hint="--class-names",
        )
    load_backend()
    from keras_vidrec.applications import published
    from keras_vidrec.applications.parts import model_file
    from keras_vidrec.applications.parts import table
    from keras_vidrec.applications.parts.head import predictions_layer
    from keras_vidrec.weights import convert
    from keras_vidrec.weights.published.readers.opening import open_checkpoint
    from keras_vidrec.weights.published.recognition import recognize

    preset, own = None, {}
    if is_preset:
        preset = _preset(source)
        own = dict(preset.arguments)
        application = application or preset.application or _TSN
        source = published.fetch(
            preset, options.weights_file(file), trust_first_download
        )[None]
        allow_unused = [*allow_unused, *preset.allow_unused]
    application = _application(application)
    builder = table.find(application)
    arguments = {
        **{name: own[name] for name in own if name in builder.defaults},
        **_towers(builder, backbone, modality),
        **arguments,
    }
    table.check_arguments(application, arguments)
    backbones = table.backbones(application, arguments)
    if len(backbones) == 1:
        backbones = {None: next(iter(backbones.values()))}
    checkpoint = open_checkpoint(source)
    translation = recognize(checkpoint, backbones)
    classes = classes or len(names or ()) or _published_classes(translation)
    if arguments.setdefault("classes", classes) is None:
        raise ValueError(
            "Expected the number of classes, by --classes or --class-names. "
            f"Received: {source}, which has no classifier"
        )
    model = builder(**arguments)
    report = convert(
        checkpoint,
        model,
        allow_missing=allow_missing,
        allow_unused=allow_unused,
        inflate=inflate and inflate.value,
    )
    random = any(layer.endswith("logits") for layer in report.kept)
    if names is None and not random:
        names = _published_names(checkpoint, arguments["classes"])
    layer = predictions_layer(model)
    if preset is not None:
        names = _note(layer, preset, source, names, random, own, arguments)
    layer.class_names = names
    echo(report)
    replaced = " (replaced)" if out.exists() else ""
    model_file.save(model, out)
    echo(f"Model: {out}{replaced}")


def _check(source, out, is_preset, application, backbone, file):
    """Raises an error if the arguments do not fit together."""
    source = pathlib.Path(source)
    if not (is_preset or source.exists()):
        raise typer.BadParameter(f"There is no {source}.", param_hint="SOURCE")
    for name, value in (("application", application), ("backbone", backbone)):
        if not (is_preset or value):
            raise typer.BadParameter(
                "Missing: it is needed for a file; a preset has its own.",
                param_hint=f"--{name}",
            )
    if file and not is_preset:
        raise typer.BadParameter(
            "Expected it only with preset:NAME. A file is given as SOURCE.",
            param_hint="--file",
        )
    if out.suffix != ".keras" or out.is_dir():
        raise typer.BadParameter(
            f"Expected a .keras file. Received: {out}", param_hint="--out"
        )
    if not is_preset and out.exists() and out.samefile(source):
        raise typer.BadParameter(
            "Expected another file than SOURCE.", param_hint="--out"
        )


def _preset(name: str):
    """Returns the preset of one network; raises an error for a group."""
    from keras_vidrec.weights import presets

    found = presets.find(name)
    if isinstance(found, presets.Group):
        raise ValueError(
            f"Expected a preset of one network. Received: {name}, a pair of "
            + " and ".join(
                f"preset:{one.name}" for one in found.streams.values()
            )
            + (
                ". Import each and use `vidrec fuse`, or use the pair by "
                "its name, `vidrec predict`"
            )
        )
    return found


def _note(layer, preset, path, names, random, own, arguments):
    """Adds the origin of a preset to the last layer of the network, and, if the
    network was imported unchanged, the preset's clip specification and test.

    Returns:
        The names of the classes, or `None`.
    """
    from keras_vidrec.applications.parts import published
    from keras_vidrec.specs import Origin

    layer.origin = Origin(
        "network", parents={"weights": published.origin(preset, path)}
    )
    is_whole = (
        preset.application is not None
        and not random
        and all(arguments.get(name) == value for name, value in own.items())
    )
    if is_whole:
        layer.clip_spec = preset.clip_spec(layer.clip_spec)
        layer.test_protocol = preset.protocol or layer.test_protocol
        names = names or preset.names()
    return names


def _setting(text):
    """Returns the name and value of a setting "NAME=VALUE"."""
    name, equals, value = text.partition("=")
    try:
        if not equals:
            raise ValueError
        return name.strip(), documents.parse_yaml(value)
    except ValueError:
        raise typer.BadParameter(
            f"Expected NAME=VALUE. Received: {text!r}", param_hint="--set"
        ) from None


def _application(name):
    """Returns the name of an application. Case, `-` and `_` are ignored."""
    from keras_vidrec.applications.parts.table import BUILDERS

    key = name.lower().replace("_", "").replace("-", "")
    for known in BUILDERS:
        if known.lower() == key:
            return known
    raise ValueError(
        f"Unknown application. Expected one of {tuple(BUILDERS)}, in any "
        f"spelling, such as two_stream_fusion. Received: --application {name}"
    )


def _towers(builder, backbone, modality):
    """Returns the builder's arguments for `--backbone` and `--modality`."""
    arguments = {} if backbone is None else {"backbone": backbone}
    if modality is None:
        return arguments
    if "streams" in builder.defaults:
        return {**arguments, "streams": (modality.value,)}
    if "modality" in builder.defaults:
        return {**arguments, "modality": modality.value}
    raise ValueError(
        f"{builder.__name__} takes rgb and flow. Expected no --modality. "
        f"Received: --modality {modality}"
    )


def _published_classes(translation):
    """Returns the number of classes of a checkpoint, or `None` if it has no
    classifier."""
    for slot, piece in translation.pieces.items():
        if (slot.layer, slot.variable) == ("logits", "kernel"):
            return piece.array.shape[-1]
    return None


def _published_names(checkpoint, classes):
    """Returns the names of classes in a checkpoint, or `None` if they are not
    `classes` different names (some names of ImageNet occur twice)."""
    names = checkpoint.facts.get("class_names") or ()
    return names if len(set(names)) == len(names) == classes else None
