"""Draws single layers of networks: activations and fusion weights."""

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
        help=(
            "Layer or endpoint of the towers: relu3, res3b_relu. Default: "
            "their last convolutional layer."
        ),
    ),
    segment: int = typer.Option(
        None,
        min=1,
        help=("Index of the snippet in the clip. Default: the middle one."),
    ),
    segments: int = typer.Option(
        None,
        min=1,
        help=("Number of snippets in the clip. Default: as in training."),
    ),
    channels: int = typer.Option(
        16, min=1, help="Number of channels, those with the strongest response."
    ),
    channel: list[int] = typer.Option(
        None, min=0, help="Draw this channel instead. Repeatable."
    ),
):
    """Draw the activations of a layer's channels for a frame and its motion;
    channels of the same number in all streams are drawn below each other.
    """
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
        None, help="Fusion layer, if the network has several: fusion_relu5."
    ),
    most: int = typer.Option(
        3, min=1, help="Number of channels of each stream listed per filter."
    ),
):
    """Draw the weights between channels of the two streams in a trained fusion
    (conv, conv3d), in space and time, and how far training has changed them.
    """
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
