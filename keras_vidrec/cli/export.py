import enum
import pathlib

import typer

from keras_vidrec.cli.startup import load_backend


class Format(enum.StrEnum):
    """Formats to export to."""

    saved_model = "saved_model"


def export(
    run: pathlib.Path = typer.Argument(
        ..., help="Directory of a run, or a .keras file of this package."
    ),
    out: pathlib.Path = typer.Option(
        None, help="Directory to write. Default: saved_model beside the model."
    ),
    format: Format = typer.Option(Format.saved_model, help="What to write."),
):
    """Export a trained network and check that it gives the same results."""
    load_backend()
    from keras_vidrec.export import export_saved_model
    from keras_vidrec.training.run import load_network

    model = load_network(run)
    out = out or (run if run.is_dir() else run.parent) / format
    difference = export_saved_model(model, out)
    typer.echo(f"Exported: {out}")
    typer.echo(
        f"Reloaded and compared: probabilities agree within {difference:.1e}"
    )
