import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.prediction import inputs
from keras_vidrec.cli.prediction.answers import Answers
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import checks

_WINDOW = 2.0
_BACKGROUND = "background"


def predict(
    model: str = typer.Argument(
        ...,
        help=(
            "A .keras file of this package, a run, or the name of a network "
            "from `vidrec presets`."
        ),
    ),
    videos: list[pathlib.Path] = typer.Argument(
        None,
        **options.PLACE,
        help=(
            "Video files or their URLs, such as s3://bucket/clip.mp4; "
            "folders of videos; patterns, 'clips/*/*.mp4'; - for paths from "
            "standard input, one per line."
        ),
    ),
    top: int = typer.Option(5, min=1, help="Number of classes to show."),
    protocol: str | None = typer.Option(
        None,
        help=(
            "Test procedure for a video or window, as in `vidrec evaluate`: "
            "25x10, 25x1, or fewer segments for speed, 8x1. Default: the "
            "network's own test."
        ),
    ),
    json: bool = typer.Option(
        False, "--json", help="Print one line of JSON per video, or per window."
    ),
    csv: bool = typer.Option(
        False,
        "--csv",
        help=("Print a CSV table: one row for each class of a video."),
    ),
    window: float | None = typer.Option(
        None,
        **options.SECONDS,
        help=(
            "Predict windows of this length, such as 2s, and write a "
            "timeline (NAME-timeline.csv, .json and .png) and the segments "
            "found (NAME-segments.csv and .vtt subtitles, also in the "
            ".json)."
        ),
    ),
    stride: float | None = typer.Option(
        None,
        **options.SECONDS,
        help="Time between windows. Default: half a window.",
    ),
    smoothing: options.Smoothing = 0.0,
    min_length: options.MinLength = 0.0,
    threshold: options.Threshold = None,
    background: options.Background = _BACKGROUND,
    out: pathlib.Path | None = typer.Option(
        None,
        help="Directory for timelines, or with --runner for intermediate "
        "results, which all machines must see. Default: the current directory.",
    ),
    overlay: pathlib.Path | None = typer.Option(
        None,
        help=(
            "Write a copy of the video with labels, without sound, to this "
            ".mp4."
        ),
    ),
    camera: str | None = typer.Option(
        None,
        help="Number of a camera, or URL of a stream, to process until Ctrl-C.",
    ),
    frame_rate: float | None = typer.Option(
        None,
        min=0.001,
        help=(
            "Frames per second, if a video or camera has no time stamps or "
            "wrong ones."
        ),
    ),
    file: options.WeightsFile = None,
    trust_first_download: options.Trust = False,
    class_names: options.ClassNames = None,
    runner: options.Runner = None,
    parts: options.Parts = None,
):
    """Predict the classes of video files, or a timeline of long and live
    videos.
    """
    places, beam_options = videos or [], ()
    if runner is not None:
        places, beam_options = inputs.without_options(places)
    timeline = window or stride or overlay or camera is not None
    _check(places, overlay, camera)
    if json and csv:
        raise typer.BadParameter("Expected --json or --csv, not both.")
    if timeline and csv:
        raise typer.BadParameter(
            "--csv cannot be combined with --window, which writes tables "
            "anyway."
        )
    if timeline and runner is not None:
        raise typer.BadParameter(
            "--runner does not work with windows, --overlay or --camera."
        )
    merging = (smoothing, min_length, threshold)
    if not timeline and (any(merging) or background != _BACKGROUND):
        raise typer.BadParameter(
            "--smoothing, --min-length, --threshold and --background need "
            "--window."
        )
    videos = inputs.expand(places)
    if timeline:
        # All names are checked before the first video is processed.
        videos = [*videos]
        _check_names(videos)
        if overlay and len(videos) > 1:
            raise typer.BadParameter("--overlay needs exactly one video.")
    weights = options.weights_file(file)
    names = options.lines(class_names)
    workers = options.runner(runner, beam_options, parts)
    load_backend()
    from keras_vidrec.evaluation.predictor import Predictor
    from keras_vidrec.training import loading

    network = loading.recognizer(
        model,
        weights,
        trust_first_download=trust_first_download,
        class_names=names,
    )
    predictor = Predictor(network, protocol)
    if not timeline:
        answers = Answers(json=json, csv=csv)
        found = predictor.many(videos, top=top)
        if workers is not None:
            from keras_vidrec.cli.prediction import spreading

            here = out or pathlib.Path()
            found = spreading.answers(
                network, predictor, videos, top, workers, here
            )
        for answer in found:
            answers.show(answer)
        if answers.num_unread:
            raise typer.Exit(1)
        return
    from keras_vidrec.cli.prediction.timelines import Timelines
    from keras_vidrec.evaluation.segments import Merging

    how = Merging(*merging, background)
    with checks.names(background="--background"):
        how.check(predictor.classes)
    window = window or _WINDOW
    timelines = Timelines(
        predictor,
        window=window,
        stride=stride or window / 2,
        merging=how,
        out=out or pathlib.Path(),
        frame_rate=frame_rate,
        top=top,
        json=json,
    )
    if camera is not None:
        timelines.watch(camera)
    elif timelines.read_all(videos, overlay):
        raise typer.Exit(1)


def _check(videos, overlay, camera):
    """Raises an error if the arguments do not fit together, before a network is
    loaded."""
    if camera is not None and (videos or overlay):
        raise typer.BadParameter(
            "--camera cannot be combined with video files or --overlay."
        )
    if camera is None and not videos:
        raise typer.BadParameter("Expected video files, or --camera.")
    if overlay is not None:
        if len(videos) > 1:
            raise typer.BadParameter("--overlay needs exactly one video.")
        from keras_vidrec.visualization import overlay as overlays

        overlays.check_path(overlay)
        (video,) = videos
        if (
            isinstance(video, pathlib.Path)
            and overlay.resolve() == video.resolve()
        ):
            raise typer.BadParameter("--overlay would overwrite the video.")


def _check_names(videos):
    """Raises an error if the timelines of videos would have the same name."""
    from keras_vidrec.data.prepared import storage

    stems = [storage.as_path(video).stem for video in videos]
    for stem in stems:
        if stems.count(stem) > 1:
            raise typer.BadParameter(
                f"Several videos are named {stem}, and so would be their "
                "timelines. Process them one by one, each with its own "
                "--out."
            )
