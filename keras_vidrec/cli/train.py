import contextlib
import pathlib
import shlex

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.cli.terminal import progress

# Keys of recipes that have an option. All others are changed with `--set`.
_OPTIONS = {
    "data.directory": "--data PATH",
    "data.list": "--list FILE",
    "data.split_files": "--splits DIRECTORY",
    "data.split": "--split NUMBER",
    "data.keep_damaged": "--keep-damaged",
    "optimizer.scale_learning_rate": "--scale-learning-rate",
}


def train(
    recipe: str = typer.Argument(
        ...,
        help="A recipe (see `vidrec recipes`), a YAML file, or a run to "
        "continue (for more epochs: --set schedule.epochs=N).",
    ),
    out: pathlib.Path = typer.Option(
        None,
        help="Directory of the run: new, an interrupted one, or one with fewer "
        "epochs. Default: RECIPE, if it is a run.",
    ),
    data: options.MaybeData = None,
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
    split: int = typer.Option(
        None, help="Number of the split. Default: the recipe's."
    ),
    settings: list[str] = typer.Option(
        [],
        "--set",
        help="Change a value of the recipe: section.key=value. Repeatable.",
    ),
    tiny: bool = typer.Option(
        False,
        "--tiny",
        help="A quick trial: tiny backbones, small images, few steps, random "
        "weights. --set overrides these.",
    ),
    scale_learning_rate: bool = typer.Option(
        False,
        "--scale-learning-rate",
        help="Scale the learning rate in proportion to the actual batch size.",
    ),
    distribute: str = typer.Option(
        "auto",
        help="auto (all GPUs of this machine), none, mirrored, multi-worker "
        "(several machines, TF_CONFIG), or data-parallel (JAX).",
    ),
    backup_steps: int = typer.Option(
        None, help="Also back up every N steps, not only after each epoch."
    ),
    log: list[str] = typer.Option(
        [],
        help="Where to log the training in addition to log.csv: tensorboard, "
        "wandb, mlflow, or csv (log.csv only). Repeatable. Default: as the run "
        "did before; tensorboard for a new run.",
    ),
    keep_damaged: bool = typer.Option(
        False,
        "--keep-damaged",
        help="Also train on clips that have lost over 10 % of their frames.",
    ),
    deterministic: bool = typer.Option(
        False,
        "--deterministic",
        help="Make trainings with the same seed on the same machine give "
        "exactly the same weights; slower.",
    ),
    allow_leak: bool = typer.Option(
        False,
        "--allow-leak",
        help="Allow starting from networks that were trained on test videos. "
        "All later figures are marked.",
    ),
):
    """Train a network by a recipe. Run the same command again to resume. By
    default the data is that of the recipe.
    """
    if out is None:
        out = pathlib.Path(recipe)
        if not (out / "recipe.yaml").is_file():
            raise typer.BadParameter(
                "Missing option '--out', because RECIPE is not a run."
            )
    load_backend(find_devices=distribute != "multi-worker")
    from keras_vidrec.training import recipes
    from keras_vidrec.training import trainer
    from keras_vidrec.training.recipes.tiny import tiny as rehearsal

    with options_named():
        chosen = recipes.get(recipe).with_data(
            directory=data, list=videos_list, split_files=splits, split=split
        )
        if scale_learning_rate:
            settings = [*settings, "optimizer.scale_learning_rate=true"]
        if keep_damaged:
            settings = [*settings, "data.keep_damaged=true"]
        if tiny:
            chosen = rehearsal(chosen, settings)
            echo(chosen.summary)
        else:
            chosen = chosen.with_settings(settings)
        chosen = chosen.with_absolute_paths()
        run = trainer.train(
            chosen,
            out,
            log=log or None,
            verbose=progress(),
            distribute=distribute,
            backup_steps=backup_steps,
            deterministic=deterministic,
            allow_leak=allow_leak,
        )
    for trained in (run.head_file, run.model_file):
        if trained.exists():
            echo(f"Trained: {trained}")
    if run.is_finished:  # only one of several workers writes the run
        path = shlex.quote(str(run.path))
        echo("Next:")
        echo(f"  vidrec evaluate {path}")
        echo(f"  vidrec report {path}")
        if run.model_file.exists():
            # A network over features that could not be joined is a head only.
            echo(f"  vidrec predict {path} VIDEO")


@contextlib.contextmanager
def options_named():
    """Adds to errors that name a key of the recipe the option that sets it."""
    from keras_vidrec.specs.checks import ArgumentError

    try:
        yield
    except ArgumentError as error:
        if "." not in error.name:
            raise
        option = _OPTIONS.get(error.name, f"--set {error.name}=VALUE")
        raise ValueError(f"{error} ({option})") from error
