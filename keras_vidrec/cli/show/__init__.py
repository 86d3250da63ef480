"""`vidrec show`: visualizations of networks and their input."""

import typing

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
_EXAMPLES: dict[typing.Callable, str] = {
    classes.gradcam: "gradcam run clip.mp4 --out seen.png",
    classes.deepdraw: "deepdraw run --class jump --out jump.png",
    classes.features: "features run --data my_videos --out map.png",
    layers.activations: "activations run clip.mp4 --out layers.png",
    layers.fusion: "fusion run --out filters.png",
    videos.modalities: "modalities clip.mp4 --out modalities.png",
    videos.flow: "flow clip.mp4 --method dis --out flow.png",
    videos.sheet: "sheet my_videos --out sheet.png",
}
for _command, _example in _EXAMPLES.items():
    show.command(epilog=f"Example: vidrec show {_example}")(_command)

__all__ = ["show"]
