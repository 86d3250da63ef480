import json as json_format
import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend

_WINDOW = 2.0


def _seconds(text):
    """Seconds of "2s", "0.5s" or "2"."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise typer.BadParameter(f"Expected seconds such as 2s, not {text!r}.")
    return seconds


def predict(
    model: str = typer.Argument(
        ...,
        help="A .keras file of this package, a run, or the name of a network "
        "that `vidrec presets` lists.",
    ),
    videos: list[pathlib.Path] = typer.Argument(
        None,
        **options.PLACE,
        help="Video files, also by URL, such as s3://bucket/clip.mp4.",
    ),
    top: int = typer.Option(5, min=1, help="Classes to show."),
    protocol: str | None = typer.Option(
        None,
        help="How a video, or a window, is shown, as of `vidrec evaluate`: "
        "25x10, 25x1, or fewer segments for speed, 8x1. Default: the network's "
        "own test.",
    ),
    json: bool = typer.Option(
        False, "--json", help="One JSON line a video, or a window."
    ),
    window: float | None = typer.Option(
        None,
        parser=_seconds,
        metavar="SECONDS",
        help="A timeline of windows of this length, such as 2s: "
        "NAME-timeline.csv, .json and .png.",
    ),
    stride: float | None = typer.Option(
        None,
        parser=_seconds,
        metavar="SECONDS",
        help="From window to window. Default: half a window.",
    ),
    out: pathlib.Path | None = typer.Option(
        None,
        help="Directory of the timelines. Default: the current one.",
    ),
    overlay: pathlib.Path | None = typer.Option(
        None, help="Write the video with its labels, without sound, as .mp4."
    ),
    camera: str | None = typer.Option(
        None,
        help="Number of a camera, or address of a stream, to watch until "
        "Ctrl-C.",
    ),
    frame_rate: float | None = typer.Option(
        None,
        min=0.001,
        help="Frames a second, where a video or camera does not tell its "
        "time, or wrongly.",
    ),
    file: options.WeightsFile = (),
    trust_first_download: options.Trust = False,
    class_names: options.ClassNames = None,
):
    """Tell what happens in video files, or when in long and live ones."""
    videos = videos or []
    timeline = window or stride or overlay or camera is not None
    _check(videos, overlay, camera)
    file = options.weights_file(file)
    names = options.lines(class_names)
    if timeline:
        _check_names(videos)
    load_backend()
    from keras_vidrec.evaluation.predictor import Predictor
    from keras_vidrec.training import loading
    from keras_vidrec.videos.video import VideoError

    network = loading.recognizer(
        model,
        file,
        trust_first_download=trust_first_download,
        class_names=names,
    )
    predictor = Predictor(network, protocol)
    if timeline:
        from keras_vidrec.cli.timeline import Timelines

        window = window or _WINDOW
        timelines = Timelines(
            predictor,
            window=window,
            stride=stride or window / 2,
            out=out or pathlib.Path(),
            frame_rate=frame_rate,
            top=top,
            json=json,
        )
        if camera is not None:
            timelines.watch(camera)
            return
    failed = 0
    for path in videos:
        try:
            if timeline:
                timelines.read(path, overlay)
            else:
                _show(predictor(path, top=top), json)
        except (VideoError, OSError) as error:
            failed += 1
            echo(f"vidrec: {error}", err=True)
    if failed:
        raise typer.Exit(1)


def _check(videos, overlay, camera):
    """Refuses what cannot be, before a network is loaded."""
    if camera is not None and (videos or overlay):
        raise typer.BadParameter(
            "--camera goes without video files and without --overlay."
        )
    if camera is None and not videos:
        raise typer.BadParameter("Expected video files, or --camera.")
    if overlay is not None:
        if len(videos) > 1:
            raise typer.BadParameter("--overlay is of one video.")
        from keras_vidrec.visualization import overlay as overlays

        overlays.check_path(overlay)
        (video,) = videos
        if (
            isinstance(video, pathlib.Path)
            and overlay.resolve() == video.resolve()
        ):
            raise typer.BadParameter("--overlay would replace the video.")


def _check_names(videos):
    """Timelines are named for their videos."""
    from keras_vidrec.data.prepared import storage

    stems = [storage.as_path(video).stem for video in videos]
    for stem in stems:
        if stems.count(stem) > 1:
            raise typer.BadParameter(
                f"Several videos are called {stem}: their timelines would be, "
                "too. Expected them one by one, each with its --out."
            )


def _show(prediction, json):
    remarks = (*prediction.health.remarks, *prediction.remarks)
    if remarks:
        echo(f"{prediction.video}: {'; '.join(remarks)}.", err=True)
    if json:
        import dataclasses

        values = dataclasses.asdict(prediction)
        echo(json_format.dumps(values, ensure_ascii=False))
        return
    echo(prediction.video)
    if prediction.present is not None:
        shown = ", ".join(prediction.present) or "none of the classes"
        echo(f"  Shows: {shown}")
    for name, value in zip(prediction.classes, prediction.probabilities):
        echo(f"  {100 * value:6.2f} %  {name}")
