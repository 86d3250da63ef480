import json
import pathlib
import shlex

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli import score_files
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import files
from keras_vidrec.specs.checks import counted

# In a path, replaced by the number of a split.
_NUMBER = "{split}"
# With fewer videos, fitting a temperature gives a warning.
_FEW = 50


def evaluate(
    run: str = typer.Argument(
        ...,
        help=(
            "Directory of a run; for several splits with {split} in place "
            "of the number: runs/rgb-{split}. Or the name of a network from "
            "`vidrec presets`."
        ),
    ),
    protocol: str = typer.Option(
        None,
        help=(
            "A test of the papers: 25x10, 25x1, 25xframe, 5_chunks, "
            "10x5_chunks, 5_sequences; or other numbers of segments and "
            "crops: 8x1, 8x10. Default: the network's own test."
        ),
    ),
    grid: str = typer.Option(
        None,
        help=(
            "Positions of the snippets: tsn_caffe, tsn_pytorch or uniform. "
            "Default: as in training."
        ),
    ),
    splits: str = typer.Option(
        None, help="Numbers of splits: 1,2,3. Default: the split of the run."
    ),
    data: str = typer.Option(
        None,
        metavar="PATH",
        help=(
            "Dataset to test on. For a run on features this may also be the "
            "videos that they were made from. Default: the dataset of the "
            "run."
        ),
    ),
    settings: list[str] = typer.Option(
        [],
        "--set",
        help="Change a value of the run's recipe: test.crops=center, "
        "test.num_clips=10. Repeatable.",
    ),
    top: int = typer.Option(
        None,
        min=1,
        help=(
            "Also print how often the true class is among the N best. "
            "Default: 5, if there are more than 5 classes."
        ),
    ),
    calibrate: bool = typer.Option(
        False,
        "--calibrate",
        help=(
            "First calibrate the network: fit a temperature on the run's "
            "validation videos, so that its probabilities match its "
            "accuracy, and save it in the network."
        ),
    ),
    allow_leak: bool = typer.Option(
        False,
        "--allow-leak",
        help=(
            "Allow test videos that the network, or a network it was made "
            "from, was trained on. All figures of the scores are marked."
        ),
    ),
    segments: pathlib.Path = typer.Option(
        None,
        **options.PLACE,
        help=(
            "Evaluate the detection of segments in long videos: a list of "
            "the true segments with columns path,label,start,end in "
            "seconds; paths are relative to --data or the directory of the "
            "list."
        ),
    ),
    window: float = typer.Option(
        None,
        **options.SECONDS,
        help=(
            "With --segments: length of a window, as in `vidrec predict`. "
            "Default: 2s."
        ),
    ),
    stride: float = typer.Option(
        None,
        **options.SECONDS,
        help="With --segments: time between windows. Default: half a window.",
    ),
    smoothing: options.Smoothing = 0.0,
    min_length: options.MinLength = 0.0,
    threshold: options.Threshold = None,
    background: options.Background = "background",
    out: pathlib.Path = typer.Option(
        None,
        help=(
            "For a published network: directory for its scores. Default: "
            "its name."
        ),
    ),
    file: options.WeightsFile = None,
    trust_first_download: options.Trust = False,
    class_names: options.ClassNames = None,
    runner: options.Runner = None,
    parts: options.Parts = None,
    runner_options: options.RunnerOptions = None,
):
    """Test a trained network on its test list and write its scores.

    Run the same command again to resume.
    """
    chosen = _numbers(splits)
    merging = (smoothing, min_length, threshold)
    if segments is not None:
        if chosen or grid is not None or settings:
            raise typer.BadParameter(
                "--segments cannot be combined with --splits, --grid or "
                "--set: the list defines what is tested."
            )
    elif window or stride or any(merging):
        raise typer.BadParameter(
            "Options of windows and merging need --segments."
        )
    if data is not None:
        settings = [f"data.directory={json.dumps(data)}", *settings]
    file = options.weights_file(file)
    names = options.lines(class_names)
    workers = options.runner(runner, runner_options, parts)
    load_backend()
    from keras_vidrec.evaluation import evaluator
    from keras_vidrec.evaluation.scores import metrics
    from keras_vidrec.training import loading
    from keras_vidrec.training.run import Run

    _check_calibrated(calibrate, run, data)
    if segments is not None:
        from keras_vidrec.cli.prediction import localization

        localization.evaluate(
            run,
            segments,
            data,
            window=window,
            stride=stride,
            merging=(*merging, background),
            protocol=protocol,
            allow_leak=allow_leak,
            out=out,
            file=file,
            trust_first_download=trust_first_download,
            class_names=names,
            runner=workers,
        )
        return
    if loading.preset_of(run) is not None:
        network = loading.recognizer(
            run,
            file,
            trust_first_download=trust_first_download,
            class_names=names,
        )
        _evaluate_published(
            run,
            network,
            chosen,
            out=out,
            protocol=protocol,
            grid=grid,
            settings=settings,
            allow_leak=allow_leak,
            runner=workers,
            top=top,
        )
        return
    for option, value in (("--out", out), ("--file", file)):
        if value:
            raise typer.BadParameter(
                "Expected it only with the name of a published network.",
                param_hint=option,
            )
    runs = runs_of(run, chosen) if chosen else {None: Run.open(run)}
    scores = {}
    for split, one in runs.items():
        with files.needing_room(one.path):
            if calibrate:
                _calibrate(one.path)
            path, scores[split] = evaluator.evaluate(
                one.path,
                protocol=protocol,
                grid=grid,
                settings=settings,
                allow_leak=allow_leak,
                runner=workers,
            )
        if len(chosen) > 1:
            echo(f"Split {split}")
        _show(_figures(scores[split], top), len(scores[split].videos))
        score_files.tell_classes_left_out(scores[split])
        score_files.tell_marks({one.path: scores[split]})
        echo(f"Scores: {path}")
    if len(chosen) > 1:
        missing = [split for split in chosen if split not in runs]
        if missing:
            echo(f"No mean: no run of split {', '.join(map(str, missing))}.")
        else:
            echo(f"Mean of splits {splits}")
            _show(metrics.mean_summary(scores.values(), top))
            marked = {runs[split].path: scores[split] for split in runs}
            score_files.tell_marks(marked)
        return
    (path,) = (one.path for one in runs.values())
    export = shlex.join([str(path), "--out", str(path / "saved_model")])
    echo(f"Next: vidrec export {export}")


def _check_calibrated(calibrate, run, data):
    """Raises an error if `--calibrate` is used with a published network or
    `--data`."""
    from keras_vidrec.training import loading

    if calibrate and loading.preset_of(run) is not None:
        raise typer.BadParameter(
            "Expected it only with a run: a published network has no "
            "validation videos.",
            param_hint="--calibrate",
        )
    if calibrate and data is not None:
        raise typer.BadParameter(
            "Expected it without --data: the temperature is fitted on the "
            "run's own validation videos.",
            param_hint="--calibrate",
        )


def _calibrate(run):
    """Calibrates the network of a run and prints the result."""
    from keras_vidrec.evaluation import calibrator
    from keras_vidrec.evaluation.scores import calibration

    found = calibrator.calibrate(run)
    echo(
        f"Temperature {found.temperature:.4g}, fitted on "
        f"{counted(found.videos, 'validation video')}: "
        f"cross-entropy {found.loss_before:.4g} before, "
        f"{found.loss:.4g} now; calibration error "
        f"{100 * found.error_before:.2f} % before, {100 * found.error:.2f} % "
        f"now ({calibration.BINS} bins)"
    )
    if found.videos < _FEW or found.error > found.error_before:
        echo(
            "These videos may be too few to fit a temperature: compare the "
            "calibration error of the test before and after.",
            err=True,
        )


def _figures(scores, top):
    """Returns the figures of a test. Errors about `k` name `--top`."""
    from keras_vidrec.evaluation.scores import metrics
    from keras_vidrec.specs import checks

    if top is not None and scores.several:
        raise typer.BadParameter(
            "There is no top-k accuracy for several labels per video.",
            param_hint="--top",
        )

    with checks.names(k="--top"):
        return metrics.summary(scores, top)


def _evaluate_published(
    name, network, splits, *, out, settings, top, **options
):
    """Tests a published network on the test list of one split."""
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.evaluation import evaluator
    from keras_vidrec.weights import presets

    found = presets.find(name)
    if len(splits) > 1:
        raise typer.BadParameter(
            "A published network is tested on one split at a time.",
            param_hint="--splits",
        )
    settings = [*(f"data.split={split}" for split in splits), *settings]
    one = found.first if isinstance(found, presets.Group) else found
    split = "" if one.split is None else f", split {one.split}"
    echo(
        f"{found.name} was trained on {one.data}{split}. The list of its "
        "training videos is not known: make sure that none of them is in "
        "the test.",
        err=True,
    )
    if describe(network).class_names is None:
        echo(
            "Its class names are not known: those of the dataset are "
            "assumed, in the same order (--class-names FILE sets others).",
            err=True,
        )
    directory = out or pathlib.Path(found.name)
    with files.needing_room(directory):
        path, scores = evaluator.evaluate_network(
            network, found.name, directory, settings=settings, **options
        )
    _show(_figures(scores, top), len(scores.videos))
    score_files.tell_classes_left_out(scores)
    score_files.tell_marks({path: scores})
    echo(f"Scores: {path}")


def runs_of(run, splits):
    """Opens the runs of some splits.

    Args:
        run: str. Path of the runs, with `{split}` in place of the number of
            the split, such as `"runs/rgb-{split}"`; or, for one split, path of
            a run.
        splits: sequence of int.

    Returns:
        dict of `Run` by split, without splits that have no run.

    Raises:
        ValueError: if several splits share a path, none has a run, or a run
            was trained on another split: its training videos would be tested.
    """
    from keras_vidrec.training.run import Run

    if len(splits) > 1 and _NUMBER not in str(run):
        raise ValueError(
            "Each split needs its own run, which was not trained on its "
            "test list. Expected a path of several runs, such as "
            f"{str(run).rstrip('123')}{_NUMBER}. Received: {run} for splits "
            f"{tuple(splits)}"
        )
    paths = {
        split: pathlib.Path(str(run).replace(_NUMBER, str(split)))
        for split in splits
    }
    runs = {
        split: Run.open(path)
        for split, path in paths.items()
        if path.exists() or len(paths) == 1
    }
    if not runs:
        raise ValueError(
            "Expected the directories of runs. Received: "
            f"{', '.join(map(str, paths.values()))}, which do not exist"
        )
    for split, found in runs.items():
        trained_on = found.recipe.data.split
        if trained_on != split:
            raise ValueError(
                f"Expected a run of split {split}. Received: {found.path}, "
                f"which was trained on split {trained_on}"
            )
    return runs


def _numbers(splits: str | None) -> tuple[int, ...]:
    """Returns the numbers of a list of splits such as "1,2,3"."""
    if splits is None:
        return ()
    try:
        numbers = tuple(int(split) for split in splits.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1 or len({*numbers}) < len(numbers):
        raise typer.BadParameter(
            "Expected numbers such as 1,2,3; split files are named by --set "
            f"data.split_files=DIR. Received: {splits!r}",
            param_hint="--splits",
        )
    return numbers


def _show(figures, num_videos=None):
    """Prints figures, and the number of videos if it is given."""
    if num_videos is not None:
        echo(f"videos               {num_videos}")
    from keras_vidrec.evaluation.scores import calibration

    for name, value in figures.items():
        bins = ""
        if name == "calibration_error":
            bins = f" ({calibration.BINS} bins)"
        echo(f"{name.replace('_', ' '):20} {100 * value:.2f} %{bins}")
