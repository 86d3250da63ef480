import pathlib
import sys

import typer

from keras_vidrec.cli.startup import load_backend
from keras_vidrec.cli.startup import progress

# Why a kind of classes is easy or hard for a stream.
_WHY = {
    ("rgb", "appearance"): "one frame shows it",
    ("rgb", "motion"): "no single frame shows where a thing is going",
    ("rgb", "order"): "no single frame shows what came first",
    ("rgb_diff", "appearance"): "the shaking camera draws the edges",
    ("rgb_diff", "motion"): "neighbouring frames differ along the motion",
    ("rgb_diff", "order"): "both events are seen, but the average over the "
    "segments forgets which came first",
}


def quickstart(
    out: pathlib.Path = typer.Option(
        pathlib.Path("quickstart"), help="Directory for all that is made."
    ),
):
    """Make a small set of videos, train on it, test, export and predict."""
    load_backend()
    import numpy as np

    from keras_vidrec.data import synthetic
    from keras_vidrec.evaluation import evaluator
    from keras_vidrec.evaluation import metrics
    from keras_vidrec.evaluation.predictor import Predictor
    from keras_vidrec.export import export_saved_model
    from keras_vidrec.training import recipes
    from keras_vidrec.training import trainer

    videos = out / "videos"
    _say(f"1. Videos of twelve classes in three kinds: {videos}")
    synthetic.generate(videos, progress=True)

    runs = {}
    for step, modality in ((2, "rgb"), (3, "rgb_diff")):
        _say(f"{step}. Train a Temporal Segment Network on {modality}")
        recipe = recipes.get(f"quickstart_{modality}").with_data(
            directory=videos
        )
        runs[modality] = trainer.train(
            recipe, out / modality, verbose=progress()
        )

    _say("4. Test both on videos they have not seen")
    for modality, run in runs.items():
        _, scores = evaluator.evaluate(run.path)
        for kind in ("appearance", "motion", "order"):
            of_kind = np.array(
                [
                    synthetic.KINDS[scores.classes[label]] == kind
                    for label in scores.labels
                ]
            )
            accuracy = metrics.top_k_accuracy(
                scores.scores[of_kind], scores.labels[of_kind]
            )
            typer.echo(
                f"   {modality:8}  {kind:10}  {100 * accuracy:5.1f} %  "
                f"{_WHY[modality, kind]}"
            )

    _say("5. Export what was trained, reload it and compare")
    network = runs["rgb_diff"].load_model()
    export = runs["rgb_diff"].path / "saved_model"
    difference = export_saved_model(network, export)
    typer.echo(f"   probabilities agree within {difference:.1e}: {export}")

    clip = sorted(videos.glob("*/*_g01_c01.avi"))[-1]  # a test clip
    _say(f"6. Predict one clip: {clip}")
    prediction = Predictor(network)(clip, top=3)
    for name, value in zip(prediction.classes, prediction.probabilities):
        typer.echo(f"   {100 * value:5.1f} %  {name}")

    run = runs["rgb"].path
    program = sys.argv[0] if sys.argv[0].endswith("vidrec") else "vidrec"
    _say("What next")
    typer.echo(
        f"   {run}/model.keras   the network: import keras_vidrec, then\n"
        "                               keras.models.load_model reads it\n"
        f"   {run}/log.csv       the course of training\n"
        f"   {run}/scores        class scores of the test videos\n"
        "   Your own videos, a folder a class:\n"
        f"     {program} train scratch --data DIR --out RUN\n"
        f"     {program} evaluate RUN\n"
        f"     {program} predict RUN VIDEO..."
    )


def _say(line):
    typer.secho(f"\n{line}", bold=True)
