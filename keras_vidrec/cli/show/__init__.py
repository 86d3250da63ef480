"""`vidrec show`: pictures of what networks see."""

import typer

from keras_vidrec.cli.show import networks
from keras_vidrec.cli.show import videos

show = typer.Typer(
    help="Draw what networks see: where they see a class, what they take for "
    "one, which videos are alike to them, flow, training clips.",
    no_args_is_help=True,
)
for _command in (
    networks.gradcam,
    networks.deepdraw,
    networks.features,
    videos.flow,
    videos.sheet,
):
    show.command()(_command)

__all__ = ["show"]
