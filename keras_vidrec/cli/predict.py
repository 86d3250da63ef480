import json as json_format
import pathlib

import typer

from keras_vidrec.cli.startup import load_backend


def predict(
    model: pathlib.Path = typer.Argument(
        ..., help="A .keras file of this package, or a run."
    ),
    videos: list[pathlib.Path] = typer.Argument(..., help="Video files."),
    top: int = typer.Option(5, min=1, help="Classes to show."),
    segments: int | None = typer.Option(
        None,
        min=1,
        help="Snippets a video; 25, or as many as the network is built for.",
    ),
    json: bool = typer.Option(False, "--json", help="One JSON line a video."),
):
    """Tell what happens in video files."""
    load_backend()
    import dataclasses

    from keras_vidrec.data.video import VideoError
    from keras_vidrec.evaluation.predictor import Predictor
    from keras_vidrec.training.run import load_network

    predictor = Predictor(load_network(model), num_segments=segments)
    failed = 0
    for path in videos:
        try:
            prediction = predictor(path, top=top)
        except VideoError as error:
            failed += 1
            typer.echo(f"vidrec: {error}", err=True)
            continue
        if json:
            values = dataclasses.asdict(prediction)
            typer.echo(json_format.dumps(values, ensure_ascii=False))
            continue
        typer.echo(prediction.video)
        for name, value in zip(prediction.classes, prediction.probabilities):
            typer.echo(f"  {100 * value:6.2f} %  {name}")
    if failed:
        raise typer.Exit(1)
