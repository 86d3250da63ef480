import pathlib
import typing

import typer

from keras_vidrec.cli import score_files
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs.checks import counted


def fuse(
    scores: list[pathlib.Path] = typer.Argument(
        ...,
        help="Two or more score files (.npz), or tested runs: RUN, or one of "
        "its tests, RUN@25x10.",
    ),
    weights: str = typer.Option(
        None,
        help=(
            "One number per file: 1,1.5. Default: the weights of the runs' "
            "recipes if all are runs, else equal weights."
        ),
    ),
    softmax: bool = typer.Option(
        False, "--softmax", help="Fuse probabilities instead of logits."
    ),
    normalize: typing.Literal["l2"] | None = typer.Option(
        None,
        help="l2: divide each video's scores by their norm before weighting.",
    ),
    out: pathlib.Path = typer.Option(
        None, help="Write the fused scores to this score file (.npz)."
    ),
    report: pathlib.Path = typer.Option(
        None, help="Write a report of the fused scores to this directory."
    ),
):
    """Fuse the scores of several networks, and print the figures of each one
    and of the fusion.
    """
    numbers = None if weights is None else _numbers(weights)
    if report is not None or not all(path.is_file() for path in scores):
        load_backend()  # runs and reports need it, score files do not
    from keras_vidrec.evaluation.scores import fusion
    from keras_vidrec.evaluation.scores import joining

    loaded, names = score_files.load(scores)
    if numbers is None:
        numbers, of_probabilities = _of_recipes(scores, loaded)
        softmax = softmax or of_probabilities
    fused = fusion.fuse(
        loaded, numbers, softmax=softmax, normalize=normalize, names=names
    )
    score_files.tell_left_out(names, fused.meta["left_out"])
    # Each network's figures are computed on the videos of the fusion, so that
    # they can be compared.
    alone = dict(zip(names, joining.join(loaded, names).scores))
    weighted = " : ".join(f"{w:g}" for w in fused.meta["fusion_weights"])
    what = "probabilities" if softmax else "scores"
    normed = f", {normalize} norm" if normalize else ""
    _show({**alone, "fused": fused})
    score_files.tell_marks(alone)
    echo(f"Weights: {weighted}, of {what}{normed}")
    if out is not None:
        fused.save(out)
        echo(f"Scores: {out}")
    if report is not None:
        from keras_vidrec import reporting

        page = reporting.write({"fused": fused, **alone}, report)
        echo(f"Report: {page}")


def _numbers(weights: str) -> tuple[float, ...]:
    """Returns the numbers of a list of weights such as "1,1.5"."""
    try:
        return tuple(float(weight) for weight in weights.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"Expected numbers such as 1,1.5. Received: {weights!r}",
            param_hint="--weights",
        ) from None


def _of_recipes(paths, scores):
    """Returns the fusion weights of the recipes of runs, and whether they are
    for probabilities; `(None, False)` if not all paths are runs or no recipe
    has weights for exactly their modalities."""
    runs = [score_files.run_of(path) for path in paths]
    if None in runs:
        return None, False
    from keras_vidrec.training.run import Run

    modalities = [one.meta.get("modality") for one in scores]
    fusions = [Run.open(run).recipe.fusion for run in runs]
    fitting = [f for f in fusions if f.weights.keys() == {*modalities}]
    if not fitting:
        return None, False
    if any(fusion != fitting[0] for fusion in fitting):
        raise ValueError(
            "The recipes of the runs fuse in different ways. Expected "
            f"--weights to choose. Received: {fitting[0]} and others"
        )
    weights = tuple(fitting[0].weights[modality] for modality in modalities)
    return weights, fitting[0].scores == "probabilities"


def _show(tested):
    """Prints a table of the figures of `Scores`, a dict by name."""
    from keras_vidrec.evaluation.scores import metrics

    known = int(tested["fused"].known.sum())
    if not known:
        echo("No figures: no video has a label.")
        return
    if tested["fused"].several:
        echo(f"mean average precision  of {counted(known, 'video')}")
        for name, scores in tested.items():
            figures = metrics.summary(scores)
            echo(f"{100 * figures['mean_average_precision']:20.2f} %  {name}")
        score_files.tell_classes_left_out(tested["fused"])
        return
    of_five = "top_5" in metrics.summary(tested["fused"])
    fifth = "       top 5" if of_five else ""
    of_videos = f"of {counted(known, 'video')}"
    echo(f"   top 1  (95 % interval){fifth}  mean class  {of_videos}")
    for name, scores in tested.items():
        figures = metrics.summary(scores)
        low, high = metrics.accuracy_interval(scores.scores, scores.labels)
        fifth = f"{100 * figures['top_5']:6.2f} %  " if of_five else ""
        echo(
            f"{100 * figures['top_1']:6.2f} %  "
            f"({100 * low:5.2f} to {100 * high:6.2f})  {fifth}  "
            f"{100 * figures['mean_class_accuracy']:6.2f} %  {name}"
        )
