"""`vidrec show`: pictures of what networks see."""

import typer

from keras_vidrec.cli.show import classes
from keras_vidrec.cli.show import layers
from keras_vidrec.cli.show import videos

show = typer.Typer(
    help="Draw what networks see: where they see a class, what they take for "
    "one, which videos are alike to them, what their channels see and which of "
    "them they join, modalities, flow, training clips.",
    no_args_is_help=True,
)
for _command in (
    classes.gradcam,
    classes.deepdraw,
    classes.features,
    layers.activations,
    layers.fusion,
    videos.modalities,
    videos.flow,
    videos.sheet,
):
    show.command()(_command)

__all__ = ["show"]
