"""`vidrec show`: visualizations of networks and their input."""

import typer

from keras_vidrec.cli.show import classes
from keras_vidrec.cli.show import layers
from keras_vidrec.cli.show import videos

show = typer.Typer(
    help=(
        "Visualize networks and their input: Grad-CAM, DeepDraw, t-SNE of "
        "features, activations, fusion weights, modalities, flow, training "
        "clips."
    ),
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
