import json as jsons
import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs import files


def _numbers(text: str) -> str:
    """Checks a list of positive integers such as "1,8" and returns it."""
    try:
        numbers = [int(one) for one in str(text).split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise typer.BadParameter(
            f"Expected positive integers such as 1,8, not {text!r}."
        )
    return ",".join(map(str, numbers))


def benchmark(
    networks: list[str] = typer.Argument(
        ...,
        help="Runs, .keras files, names that `vidrec presets` lists, or "
        "applications with random weights: TSN, TSN:resnet50.",
    ),
    batch: str = typer.Option(
        "1,8", parser=_numbers, metavar="N,N", help="Clips in a call."
    ),
    precision: str = typer.Option(
        None,
        metavar="NAME,NAME",
        help="float32, mixed_float16 or mixed_bfloat16. Default: the "
        "network's own, on a GPU also mixed_bfloat16.",
    ),
    device: str = typer.Option(
        None,
        metavar="NAME,NAME",
        help="cpu:0 or gpu:0. Default: the CPU, and the GPU if there is one.",
    ),
    segments: int = typer.Option(
        None,
        min=1,
        help="Number of segments of a clip. Default: as in training.",
    ),
    size: int = typer.Option(
        None,
        min=1,
        help="Height and width of a clip in pixels. Default: as in training.",
    ),
    video: str = typer.Option(
        None,
        help="Video file for which the times of decoding, flow and network are "
        "measured. Default: for a run on video files, the first video of its "
        "dataset.",
    ),
    seconds: float = typer.Option(
        2.0,
        **options.SECONDS,
        help="How long calls with one batch are repeated.",
    ),
    json: pathlib.Path = typer.Option(
        None, help="Write all measurements to this .json."
    ),
    csv: pathlib.Path = typer.Option(
        None, help="Write the measurements of the networks to this .csv."
    ),
):
    """Measure networks: parameters, multiply-adds, latency, throughput and
    memory on clips of noise.

    The measurements of a run are saved in the run, for its model card and
    report. Exit status 1 if something could not be measured.
    """
    load_backend()
    from keras_vidrec import reporting
    from keras_vidrec.training import environment

    found = reporting.benchmark(
        *networks,
        batch_sizes=[int(number) for number in batch.split(",")],
        precisions=_names(precision),
        devices=_names(device),
        num_segments=segments,
        size=size,
        video=video,
        seconds=seconds,
        tell=lambda line: echo(line, err=True),
    )
    if found.measurements:
        echo(str(found))
    else:
        for what, why in found.failed.items():
            echo(f"Failed: {what}: {why}", err=True)
    if json is not None:
        values = {**found.to_dict(), "environment": environment.describe()}
        files.write_text(json, jsons.dumps(values, indent=1) + "\n")
    if csv is not None:
        found.save_csv(csv)
    if found.failed:
        raise typer.Exit(1)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [one.strip() for one in text.split(",")]
