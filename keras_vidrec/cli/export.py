import enum
import pathlib
import shlex

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import files

Format = enum.StrEnum("Format", ["saved_model", "onnx", "litert"])


def export(
    run: pathlib.Path = typer.Argument(
        ...,
        help=(
            "Directory of a run, a .keras file of this package, or the name "
            "of a network from `vidrec presets`."
        ),
    ),
    out: pathlib.Path = typer.Option(
        None,
        help=(
            "Directory to write. Default: next to the model, named after "
            "the format."
        ),
    ),
    format: Format = typer.Option(Format.saved_model, help="Format to write."),
    push: str = typer.Option(
        None,
        metavar="ADDRESS",
        help="Bring the export to a hub, with the model card and model.keras: "
        "hf://USER/NAME or kaggle://OWNER/MODEL/FRAMEWORK/VARIATION.",
    ),
):
    """Export a trained network and check that it gives the same results.

    Beside it are a model card and predict.py, which answers from video files
    without this package.
    """
    load_backend()
    from keras_vidrec import export as exports
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.data import leaks
    from keras_vidrec.training import loading

    hub = _hub(push)
    write = {
        Format.saved_model: exports.export_saved_model,
        Format.onnx: exports.export_onnx,
        Format.litert: exports.export_litert,
    }[format]
    model = loading.recognizer(run)
    out = out or (run if run.is_dir() else run.parent) / format
    background = exports.Background.of(run)
    with files.needing_room(out):
        difference = write(model, out, background=background)
    echo(f"Exported: {out}")
    echo(f"Reloaded and compared: probabilities agree within {difference:.1e}")
    for mark in leaks.marks(describe(model).origin):
        echo(f"Mark of the network: {mark}")
    echo(f"Model card: {out / 'README.md'}")
    if (out / "predict.py").exists():
        echo(f"Try it: python {shlex.quote(str(out / 'predict.py'))} VIDEO")
    if hub is not None:
        echo(f"Pushed: {hub.push(out, model, format)}")


def _hub(address):
    """Where to push to, which is asked before anything else; else `None`."""
    if address is None:
        return None
    from keras_vidrec import export as exports

    hub = exports.hub(address)
    hub.check()
    return hub
