"""Draws classes: Grad-CAM, DeepDraw, and t-SNE of features."""

import enum
import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.show.writing import MODEL
from keras_vidrec.cli.show.writing import OUT
from keras_vidrec.cli.show.writing import write
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend

Part = enum.StrEnum("Part", ["test", "train"])
# Number of failed pictures that the warning names.
_NAMED = 3


def gradcam(
    model: pathlib.Path = typer.Argument(..., help=MODEL),
    video: pathlib.Path = typer.Argument(..., help="A video file."),
    out: pathlib.Path = typer.Option(..., help=OUT),
    class_name: str = typer.Option(
        None, "--class", help="Default: the most probable one."
    ),
    layer: str = typer.Option(
        None,
        help=(
            "Layer or endpoint of the towers to draw: relu3. Default: their "
            "last convolutional layer."
        ),
    ),
    segments: int = typer.Option(
        None, min=1, help="Number of snippets. Default: as in training."
    ),
):
    """Draw the regions of frames and flow that support a class (Grad-CAM)."""
    load_backend()
    from keras_vidrec.training import loading
    from keras_vidrec.visualization import figures
    from keras_vidrec.visualization import grad_cam

    figures.check_path(out)
    network = loading.recognizer(model)
    grad_cam.check(network, class_name, layer)
    clip = grad_cam.read_clip(network, video, segments)
    found = grad_cam.explain(network, clip.images, class_name, layer)
    write(out, grad_cam.draw(clip, found), grad_cam.table(found), network)


def deepdraw(
    models: list[pathlib.Path] = typer.Argument(
        ..., help="Runs, or .keras files of this package."
    ),
    class_names: list[str] = typer.Option(
        ..., "--class", help="Class to draw. Repeatable."
    ),
    out: pathlib.Path = typer.Option(..., help=OUT),
    names: list[str] = typer.Option(
        None,
        "--name",
        help=(
            "Label of each network, in the same order. Default: the name of "
            "the run."
        ),
    ),
    modality: options.Modality = typer.Option(
        None, help="Draw only this stream of a network with several."
    ),
    pictures: int = typer.Option(
        1,
        min=1,
        help=(
            "Number of pictures of each class by each network, from "
            "different noise."
        ),
    ),
    octaves: int = typer.Option(4, min=1, help="Sizes, from small to large."),
    steps: int = typer.Option(60, min=1, help="Number of steps at each size."),
    seed: int = typer.Option(0, min=0, help="Seed of the initial noise."),
):
    """Draw images and flow that maximize the score of a class (DeepDraw), from
    noise by gradient ascent. Several networks, classes or pictures are drawn
    side by side.
    """
    load_backend()
    from keras_vidrec.visualization import deep_draw
    from keras_vidrec.visualization import deep_draw_comparison
    from keras_vidrec.visualization import figures

    figures.check_path(out)
    networks = _load(models, names)
    found = deep_draw_comparison.draw_classes(
        networks,
        class_names,
        pictures=pictures,
        modality=modality and modality.value,
        octaves=octaves,
        steps=steps,
        seed=seed,
    )
    if len(found.drawings) == 1:
        (drawing,) = found.drawings.values()
        figure = deep_draw.draw(drawing)
    else:
        figure = deep_draw_comparison.draw(found)
    write(out, figure, deep_draw_comparison.table(found), *networks.values())
    empty = []
    for (name, class_name, one), drawing in found.drawings.items():
        before, after = drawing.probabilities
        if after <= before:
            empty.append(
                f"{class_name} by {name} with seed {one} (probability "
                f"{100 * after:.0f} %, {100 * before:.0f} % for the initial "
                "noise)"
            )
    if empty:
        echo(
            f"{len(empty)} of {len(found.drawings)} pictures do not show their "
            "class: "
            f"{', '.join(empty[:_NAMED])}"
            f"{', ...' if len(empty) > _NAMED else ''}. "
            "Try another --seed, more --steps, or a network that recognizes "
            "the class better.",
            err=True,
        )


def features(
    model: pathlib.Path = typer.Argument(..., help=MODEL),
    data: str = typer.Option(
        ...,
        metavar="PATH",
        help="Videos, frame folders, what `vidrec prepare` made, or, for a "
        "network over features, what `vidrec features` made.",
    ),
    out: pathlib.Path = typer.Option(..., help=OUT),
    split: int = typer.Option(1, min=1, help="Split of the dataset."),
    part: Part = typer.Option("test", help="Part of the split."),
    most: int = typer.Option(
        None, min=5, help="Use at most this many videos, evenly spaced."
    ),
    thumbnails: bool = typer.Option(
        False, "--thumbnails", help="Draw the middle frames at the points."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of t-SNE."),
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
):
    """Draw videos as points (t-SNE of the input features of the classifier)."""
    load_backend()
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.data import opening
    from keras_vidrec.training import loading
    from keras_vidrec.visualization import embedding
    from keras_vidrec.visualization import figures

    figures.check_path(out)
    network = loading.recognizer(
        model, over_features=opening.holds_features(data)
    )
    spec = describe(network).clip_spec
    opened = opening.open_dataset(
        data,
        videos_list=videos_list,
        splits=splits,
        flow=spec.flow if spec else None,
    )
    videos = _videos(opened.catalog, split, part.value, most)
    found, seen = embedding.read_features(network, opened.source, videos)
    laid_out = embedding.embed(opened.source, found, seen, seed)
    pictures = None
    if thumbnails:
        pictures = embedding.read_thumbnails(opened.source, found)
    write(
        out,
        embedding.draw(laid_out, pictures),
        embedding.table(laid_out),
        network,
    )
    if len(found) < len(videos):
        echo(
            f"{len(videos) - len(found)} of {len(videos)} videos could not be "
            "read.",
            err=True,
        )


def _load(models, names):
    """Loads networks. Returns a dict by name."""
    from keras_vidrec.training import loading

    if names and len(names) != len(models):
        raise ValueError(
            f"Expected one --name for each of the {len(models)} networks, or "
            f"none. Received: {len(names)}"
        )
    names = names or [path.absolute().stem for path in models]
    if len(set(names)) < len(names):
        raise ValueError(
            "Networks need different names. Expected a different --name for "
            f"each of them. Received: {', '.join(names)}"
        )
    return {name: loading.recognizer(path) for name, path in zip(names, models)}


def _videos(catalog, split, part, most):
    """Returns the indices of the videos of a part of a split. If there are more
    than `most`, they are evenly spaced."""
    if split not in catalog.splits:
        raise ValueError(
            f"Expected a split of {sorted(catalog.splits)}. Received: "
            f"--split {split}"
        )
    videos = getattr(catalog.splits[split], part)
    if not videos:
        raise ValueError(
            f"Expected videos to draw. Received: split {split}, whose {part} "
            "part is empty"
        )
    if most is not None and most < len(videos):
        videos = [videos[i * len(videos) // most] for i in range(most)]
    return videos
