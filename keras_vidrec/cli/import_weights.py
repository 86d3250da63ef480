import enum
import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import documents

# Modes of `weights.cross_modality`.
Inflation = enum.StrEnum("Inflation", ["avg", "symmetric", "scaled"])


def import_weights(
    source: pathlib.Path = typer.Argument(
        ...,
        help="File of published weights: PyTorch, safetensors, Caffe, "
        "MatConvNet or Keras.",
    ),
    application: str = typer.Option(
        ..., help="Network to make: tsn, two_stream_fusion, ..."
    ),
    backbone: str = typer.Option(
        ..., help="Its backbone: resnet50, resnet50_caffe, bn_inception, ..."
    ),
    out: pathlib.Path = typer.Option(..., help="The .keras file to write."),
    modality: options.Modality = typer.Option(
        None, help="What it sees, for networks of one stream."
    ),
    classes: int = typer.Option(
        None, min=1, help="Number of classes. Default: as in SOURCE."
    ),
    class_names: pathlib.Path = typer.Option(
        None,
        exists=True,
        dir_okay=False,
        help="Text file of the names of the classes, one a line.",
    ),
    allow_missing: list[str] = typer.Option(
        [],
        help="What may keep random weights: head, for other classes, or a "
        "layer of the network. Repeatable.",
    ),
    allow_unused: list[str] = typer.Option(
        [],
        metavar="PATTERN",
        help="Tensors of SOURCE to leave out, such as 'aux.*'. Repeatable.",
    ),
    inflate: Inflation = typer.Option(
        None, help="Make a first layer of colors for motion, and how."
    ),
    settings: list[str] = typer.Option(
        [],
        "--set",
        metavar="NAME=VALUE",
        help="Another argument of the network. Repeatable.",
    ),
):
    """Put published weights into a network, all of them or none.

    The format is recognized by content. The scaling of pixels is that of the
    weights.
    """
    _check(source, out)
    arguments = dict(_setting(text) for text in settings)
    names = None if class_names is None else _lines(class_names)
    if classes is not None and names is not None and classes != len(names):
        raise typer.BadParameter(
            f"Expected {classes} names. Received: {len(names)}",
            param_hint="--class-names",
        )
    load_backend()
    from keras_vidrec.applications.parts import model_file
    from keras_vidrec.applications.parts import table
    from keras_vidrec.applications.parts.head import predictions_layer
    from keras_vidrec.weights import convert
    from keras_vidrec.weights.published.readers.opening import open_checkpoint
    from keras_vidrec.weights.published.recognition import recognize

    application = _application(application)
    builder = table.find(application)
    arguments = {**_towers(builder, backbone, modality), **arguments}
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
            f"Received: {source}, which has no classifier that would tell"
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
    predictions_layer(model).class_names = names
    echo(report)
    replaced = " (replaced)" if out.exists() else ""
    model_file.save(model, out)
    echo(f"Model: {out}{replaced}")


def _check(source, out):
    if not source.exists():
        raise typer.BadParameter(f"There is no {source}.", param_hint="SOURCE")
    if out.suffix != ".keras" or out.is_dir():
        raise typer.BadParameter(
            f"Expected a .keras file. Received: {out}", param_hint="--out"
        )
    if out.exists() and out.samefile(source):
        raise typer.BadParameter(
            "Expected another file than SOURCE.", param_hint="--out"
        )


def _setting(text):
    name, equals, value = text.partition("=")
    try:
        if not equals:
            raise ValueError
        return name.strip(), documents.parse_yaml(value)
    except ValueError:
        raise typer.BadParameter(
            f"Expected NAME=VALUE. Received: {text!r}", param_hint="--set"
        ) from None


def _lines(path):
    text = path.read_text("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _application(name):
    """The name of an application, from any spelling of it."""
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
    """The arguments for the towers."""
    arguments = {"backbone": backbone}
    if modality is None:
        return arguments
    if "streams" in builder.defaults:
        return {**arguments, "streams": (modality.value,)}
    if "modality" in builder.defaults:
        return {**arguments, "modality": modality.value}
    raise ValueError(
        f"{builder.__name__} sees rgb and flow. Expected no --modality. "
        f"Received: --modality {modality}"
    )


def _published_classes(translation):
    """How many classes the classifiers of a checkpoint have; `None` without
    one."""
    for slot, piece in translation.pieces.items():
        if (slot.layer, slot.variable) == ("logits", "kernel"):
            return piece.array.shape[-1]
    return None


def _published_names(checkpoint, classes):
    """The names of the classes in a checkpoint, if it has one for each; those
    of ImageNet repeat."""
    names = checkpoint.facts.get("class_names") or ()
    return names if len(set(names)) == len(names) == classes else None
