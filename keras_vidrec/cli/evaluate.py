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

# Stands in a path for the number of a split.
_NUMBER = "{split}"
# Videos that are few to fit a temperature on.
_FEW = 50


def evaluate(
    run: str = typer.Argument(
        ...,
        help="Directory of a run; of several splits with {split} where the "
        "number stands: runs/rgb-{split}. Or the name of a network that "
        "`vidrec presets` lists.",
    ),
    protocol: str = typer.Option(
        None,
        help="A test of the papers: 25x10, 25x1, 25xframe, 5_chunks, "
        "10x5_chunks, 5_sequences; or other segments and crops: 8x1, 8x10. "
        "Default: the network's own.",
    ),
    grid: str = typer.Option(
        None,
        help="Where the snippets lie: tsn_caffe, tsn_pytorch or uniform. "
        "Default: as trained.",
    ),
    splits: str = typer.Option(
        None, help="Numbers of splits: 1,2,3. Default: that of the run."
    ),
    data: str = typer.Option(
        None,
        metavar="PATH",
        help="Test on this dataset. Of a run over features also the videos "
        "that they were made of. Default: that of the run.",
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
        help="Tell, too, how often the class of a video is among the N best. "
        "Default: 5, where there are more classes.",
    ),
    calibrate: bool = typer.Option(
        False,
        "--calibrate",
        help="First fit the temperature of the network on the run's own "
        "videos for validation, so that its probabilities are as sure as it is "
        "right, and keep it in the network.",
    ),
    allow_leak: bool = typer.Option(
        False,
        "--allow-leak",
        help="Test on videos, too, that the network or its ancestors were "
        "trained on. Every figure of the scores is marked.",
    ),
    segments: pathlib.Path = typer.Option(
        None,
        **options.PLACE,
        help="Test how well segments of long videos are found: a list of the "
        "true ones, columns path,label,start,end in seconds, paths below "
        "--data, or the directory of the list.",
    ),
    window: float = typer.Option(
        None,
        **options.SECONDS,
        help="With --segments, as of `vidrec predict`. Default: 2s.",
    ),
    stride: float = typer.Option(
        None,
        **options.SECONDS,
        help="With --segments, from window to window. Default: half a window.",
    ),
    smoothing: options.Smoothing = 0.0,
    min_length: options.MinLength = 0.0,
    threshold: options.Threshold = None,
    background: options.Background = "background",
    out: pathlib.Path = typer.Option(
        None,
        help="Of a published network, the directory for its scores. Default: "
        "its name.",
    ),
    file: options.WeightsFile = (),
    trust_first_download: options.Trust = False,
    class_names: options.ClassNames = None,
    runner: options.Runner = None,
    parts: options.Parts = None,
    runner_options: options.RunnerOptions = None,
):
    """Test a trained network on its test list and write its scores.

    The same command goes on after an interruption.
    """
    chosen = _numbers(splits)
    merging = (smoothing, min_length, threshold)
    if segments is not None:
        if chosen or grid is not None or settings:
            raise typer.BadParameter(
                "--segments goes without --splits, --grid and --set: the list "
                "says what is tested."
            )
    elif window or stride or any(merging):
        raise typer.BadParameter(
            "Windows and how they are merged are of segments. Expected "
            "--segments."
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
                "Expected it with the name of a published network alone.",
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
    """Refuses what has no videos for validation of its own."""
    from keras_vidrec.training import loading

    if calibrate and loading.preset_of(run) is not None:
        raise typer.BadParameter(
            "Expected it with a run: a published network has no videos for "
            "validation.",
            param_hint="--calibrate",
        )
    if calibrate and data is not None:
        raise typer.BadParameter(
            "Expected it without --data: the temperature is fitted on the "
            "run's own videos for validation.",
            param_hint="--calibrate",
        )


def _calibrate(run):
    from keras_vidrec.evaluation import calibrator
    from keras_vidrec.evaluation.scores import calibration

    found = calibrator.calibrate(run)
    echo(
        f"Temperature {found.temperature:.4g}, fitted on "
        f"{counted(found.videos, 'video')} "
        f"for validation: cross-entropy {found.loss_before:.4g} before, "
        f"{found.loss:.4g} now; calibration error "
        f"{100 * found.error_before:.2f} % before, {100 * found.error:.2f} % "
        f"now ({calibration.BINS} bins)"
    )
    if found.videos < _FEW or found.error > found.error_before:
        echo(
            "That is little to fit a temperature on: look at the calibration "
            "error of the test before and after.",
            err=True,
        )


def _figures(scores, top):
    """Those of a test; an error about `k` is about `--top`."""
    from keras_vidrec.evaluation.scores import metrics
    from keras_vidrec.specs import checks

    if top is not None and scores.several:
        raise typer.BadParameter(
            "The figures of several labels a video have no top-k.",
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
        f"{found.name} was trained on {one.data}{split}. On which videos is "
        "not known here: that none of them is tested is yours to see to.",
        err=True,
    )
    if describe(network).class_names is None:
        echo(
            "The names of its classes are not known: they are taken to be "
            "those of the data, in their order (--class-names FILE).",
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
    """The runs of some splits that have one, by split.

    Args:
        run: str. Path of a run, with `{split}` where the number of the split
            stands, such as `"runs/rgb-{split}"`; without, of a single split.
        splits: sequence of int.

    Raises:
        ValueError: if several splits share a path, none has a run, or a run
            was trained on another split: its training videos would be tested.
    """
    from keras_vidrec.training.run import Run

    if len(splits) > 1 and _NUMBER not in str(run):
        raise ValueError(
            "Each split is tested by a network that has not seen its test "
            "list. Expected a path of several runs, such as "
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


def _numbers(splits):
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
    if num_videos is not None:
        echo(f"videos               {num_videos}")
    from keras_vidrec.evaluation.scores import calibration

    for name, value in figures.items():
        bins = ""
        if name == "calibration_error":
            bins = f" ({calibration.BINS} bins)"
        echo(f"{name.replace('_', ' '):20} {100 * value:.2f} %{bins}")
