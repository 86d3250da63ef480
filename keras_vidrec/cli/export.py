import enum
import pathlib
import shlex

import typer

from keras_vidrec import export as exports
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs import files

_PRECISIONS = dict.fromkeys(
    x for one in exports.PRECISIONS.values() for x in one
)
Format = enum.StrEnum("Format", [*exports.PRECISIONS])  # type: ignore[misc] # of a table
Precision = enum.StrEnum("Precision", [*_PRECISIONS])  # type: ignore[misc] # of a table
Target = enum.StrEnum("Target", [*exports.TARGETS])  # type: ignore[misc] # of a table
_TARGETS = " ".join(
    f"{name}: {target.text} ({', '.join(target.formats)})."
    for name, target in exports.TARGETS.items()
)


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
        help="Directory to write. Default: next to the model, named after the "
        "format, and after the options below that are not their defaults.",
    ),
    format: Format = typer.Option(
        Format("saved_model"), help="Format to write."
    ),
    push: str = typer.Option(
        None,
        metavar="ADDRESS",
        help="Upload the export to a hub, with the model card and model.keras: "
        "hf://USER/NAME or kaggle://OWNER/MODEL/FRAMEWORK/VARIATION.",
    ),
    precision: Precision = typer.Option(
        Precision("float32"),
        help="Precision of the network. float16 and int8 are for onnx, litert "
        "and openvino. They are compared with float32 on the validation videos "
        "of the run, or on its training videos if there are none; int8 is also "
        "calibrated on them.",
    ),
    target: Target = typer.Option(
        Target("server"),
        "--for",
        help=f"Device that determines which clips the export takes. {_TARGETS}",
    ),
    max_loss: float = typer.Option(
        1.0,
        help="Percentage points of accuracy that float16 or int8 may cost. If "
        "they cost more, nothing is exported.",
    ),
):
    """Export a trained network and check that it gives the same results.

    The directory also contains a model card, and predict.py, a program that
    predicts the classes of video files without this package.
    """
    with checks.names(target="--for", max_loss="--max-loss"):
        form = exports.checked_form(
            format.value, precision.value, target.value, max_loss
        )
    load_backend()
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.data import leaks
    from keras_vidrec.training import loading

    hub = _hub(push)
    model = loading.recognizer(run)
    out = (
        out or (run if run.is_dir() else run.parent) / f"{format}{form.suffix}"
    )
    background = exports.Background.of(run)
    with files.needing_room(out):
        difference = form.write(model, out, background)
    echo(f"Exported: {out}")
    bundle = documents.read_json(out / "bundle.json")
    reduced = bundle["network"]["reduction"]
    if reduced is None:
        echo(
            "Reloaded and compared: probabilities agree within "
            f"{difference:.1e}"
        )
    else:
        for line in exports.Reduction(**reduced).lines():
            echo(line)
    for mark in leaks.marks(describe(model).origin):
        echo(f"Mark of the network: {mark}")
    echo(f"Model card: {out / 'README.md'}")
    if (out / "predict.py").exists():
        echo(f"Try it: python {shlex.quote(str(out / 'predict.py'))} VIDEO")
    if hub is not None:
        echo(f"Pushed: {hub.push(out, model, format)}")


def _hub(address):
    """Returns the hub of an address, after checking that it can be reached;
    `None` without an address."""
    if address is None:
        return None
    hub = exports.hub(address)
    hub.check()
    return hub
