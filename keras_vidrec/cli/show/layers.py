"""Pictures of single layers of networks."""

import pathlib

import typer

from keras_vidrec.cli.show.writing import MODEL
from keras_vidrec.cli.show.writing import OUT
from keras_vidrec.cli.show.writing import write
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend


def activations(
    model: pathlib.Path = typer.Argument(..., help=MODEL),
    video: pathlib.Path = typer.Argument(..., help="A video file."),
    out: pathlib.Path = typer.Option(..., help=OUT),
    layer: str = typer.Option(
        None,
        help="Layer, or endpoint, of the towers: relu3, res3b_relu. Default: "
        "their last convolutional maps.",
    ),
    segment: int = typer.Option(
        None, min=1, help="Of the clip. Default: the one in the middle."
    ),
    segments: int = typer.Option(
        None, min=1, help="Snippets of the clip; as many as in training."
    ),
    channels: int = typer.Option(
        16, min=1, help="How many, of those that respond most."
    ),
    channel: list[int] = typer.Option(
        None, min=0, help="These instead; may be given several times."
    ),
):
    """Draw what channels of a layer see of a frame and of its motion: those of
    one number of all streams, one below the other."""
    load_backend()
    from keras_vidrec.training import loading
    from keras_vidrec.visualization import activations
    from keras_vidrec.visualization import figures
    from keras_vidrec.visualization import grad_cam

    figures.check_path(out)
    network = loading.recognizer(model)
    activations.check(network, layer)
    clip = grad_cam.read_clip(network, video, segments)
    found = activations.compute(network, clip.images, layer, segment)
    figure = activations.draw(clip, found, channel or channels)
    write(out, figure, activations.table(found), network)


def fusion(
    model: pathlib.Path = typer.Argument(..., help=MODEL),
    out: pathlib.Path = typer.Option(..., help=OUT),
    layer: str = typer.Option(
        None, help="Which fusion, of a network of several: fusion_relu5."
    ),
    most: int = typer.Option(
        3, min=1, help="Channels of each stream in the numbers of a filter."
    ),
):
    """Draw which channels of the two streams a trained fusion joins (conv,
    conv3d), in space and time, and how far training has moved it."""
    load_backend()
    from keras_vidrec.training import loading
    from keras_vidrec.visualization import figures
    from keras_vidrec.visualization import fusion_filters

    figures.check_path(out)
    network = loading.recognizer(model)
    found = fusion_filters.measure(fusion_filters.find(network, layer))
    table = fusion_filters.table(found, most)
    write(out, fusion_filters.draw(found), table, network)
    echo(fusion_filters.summary(found))
