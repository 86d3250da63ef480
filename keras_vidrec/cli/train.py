import contextlib
import pathlib
import shlex

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.cli.terminal import progress

# Keys of recipes that have an option of their own; `--set` is for all others.
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
        help="A recipe (see `vidrec recipes`), a YAML file, or a run, which "
        "goes on (for more epochs: --set schedule.epochs=N).",
    ),
    out: pathlib.Path = typer.Option(
        None,
        help="Directory of the run: new, an interrupted one, or one of fewer "
        "epochs. Default: the run, where RECIPE is one.",
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
        help="A rehearsal: tiny backbones, small images, few steps, random "
        "weights. --set wins over it.",
    ),
    scale_learning_rate: bool = typer.Option(
        False,
        "--scale-learning-rate",
        help="Scale the learning rate to the real batch, in proportion.",
    ),
    distribute: str = typer.Option(
        "auto",
        help="auto (all GPUs of this machine), none, mirrored, multi-worker "
        "(several machines, TF_CONFIG), or data-parallel (JAX).",
    ),
    backup_steps: int = typer.Option(
        None, help="Back up every N steps too, not only after each epoch."
    ),
    log: list[str] = typer.Option(
        [],
        help="Where the training can be followed beside log.csv: tensorboard, "
        "wandb, mlflow, or csv (log.csv alone). Repeatable. Default: where the "
        "run was followed before; of a new one tensorboard.",
    ),
    keep_damaged: bool = typer.Option(
        False,
        "--keep-damaged",
        help="Train on clips that have lost over 10 % of their frames too.",
    ),
    deterministic: bool = typer.Option(
        False,
        "--deterministic",
        help="Same seed, same machine, same weights to the last bit; slower.",
    ),
    allow_leak: bool = typer.Option(
        False,
        "--allow-leak",
        help="Start from networks that were trained on videos of the test; "
        "each figure that follows says so.",
    ),
):
    """Train a recipe; run the same command again to resume. Data that is not
    named is that of the recipe.
    """
    if out is None:
        out = pathlib.Path(recipe)
        if not (out / "recipe.yaml").is_file():
            raise typer.BadParameter(
                "Missing option '--out', as RECIPE is no run."
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
    if run.is_finished:  # of several workers, one writes it
        path = shlex.quote(str(run.path))
        echo("Next:")
        echo(f"  vidrec evaluate {path}")
        echo(f"  vidrec report {path}")
        if run.model_file.exists():
            # Over features that could not be joined there is only a head.
            echo(f"  vidrec predict {path} VIDEO")


@contextlib.contextmanager
def options_named():
    """Errors that name a key of the recipe say how to set it from here."""
    from keras_vidrec.specs.checks import ArgumentError

    try:
        yield
    except ArgumentError as error:
        if "." not in error.name:
            raise
        option = _OPTIONS.get(error.name, f"--set {error.name}=VALUE")
        raise ValueError(f"{error} ({option})") from error
