"""DeepDraw of several networks and classes side by side."""

import dataclasses

from matplotlib.figure import Figure

from keras_vidrec.specs import checks
from keras_vidrec.visualization import classes
from keras_vidrec.visualization import deep_draw
from keras_vidrec.visualization import figures

_INCHES = 1.5
_GAP = 0.15


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Drawings of classes by several networks.

    Attributes:
        networks: tuple of str. Names of the networks.
        classes: tuple of str. Names of the classes.
        seeds: tuple of int. One for each picture of a class by a network.
        drawings: dict by `(network, class, seed)` of `deep_draw.Drawing`.
    """

    networks: tuple
    classes: tuple
    seeds: tuple
    drawings: dict


def draw_classes(
    networks: dict,
    class_names: list | tuple,
    *,
    pictures: int = 1,
    modality: str | None = None,
    octaves: int = 4,
    steps: int = 60,
    seed: int = 0,
    verbose: bool = True,
) -> Comparison:
    """Draws classes by several networks from the same noise, see
    `deep_draw.draw_class`.

    The paper compares three settings: networks trained from scratch, from
    ImageNet, and as temporal segment networks.

    Args:
        networks: dict by name of keras.Model of this package that take images.
        class_names: sequence of str. Classes that all networks have.
        pictures: int. Number of pictures of a class by a network, each from
            other noise. Defaults to `1`; the paper shows three.
        modality, octaves, steps, verbose: see `deep_draw.draw_class`.
        seed: int. Seed of the first picture; each further one has the next
            seed. Defaults to `0`.

    Returns:
        `Comparison`.

    Raises:
        ValueError: before anything is drawn, if a network does not take images
            or does not have a class or modality; later, if the gradient of the
            pixels is 0.

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 4.5
          and figure 3.
    """
    checks.check(
        isinstance(networks, dict) and networks,
        "networks",
        "a dict of networks by name",
        networks,
    )
    checks.check(
        isinstance(class_names, (list, tuple)) and class_names,
        "class_names",
        "names of classes",
        class_names,
    )
    checks.count("pictures", pictures)
    drawers = {}
    for name, model in networks.items():
        try:
            for class_name in class_names:
                classes.index_of(model, class_name)
            drawers[name] = deep_draw.Drawer(model, modality)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    seeds = tuple(range(seed, seed + pictures))
    drawings = {
        (name, class_name, one): drawer.draw(
            class_name, octaves=octaves, steps=steps, seed=one, verbose=verbose
        )
        for name, drawer in drawers.items()
        for class_name in class_names
        for one in seeds
    }
    return Comparison(tuple(networks), tuple(class_names), seeds, drawings)


def draw(found: Comparison) -> Figure:
    """Returns the matplotlib figure of a `Comparison`: a row for each class, a
    group of columns for each network and modality, with the pictures of all
    seeds: frames as they are, flow as gray maps of x and y (white right and
    down).

    Below each picture is the probability of its class. Of clips with several
    segments, and of stacks of images, the middle one is shown.
    """
    rows = []
    for class_name in found.classes:
        groups = [
            _panels_of(found, name, class_name) for name in found.networks
        ]
        # A gap between networks.
        rows.append([p for group in groups for p in (*group, None)][:-1])
    widths = [_GAP if panel is None else 1 for panel in rows[0]]
    figure = figures.new_figure(
        max(_INCHES * sum(widths) + 0.4, 5), (_INCHES + 0.4) * len(rows) + 0.9
    )
    figures.set_title(
        figure,
        "DeepDraw",
        "drawn from noise; below each picture, the probability of its class",
    )
    grid = figure.subplots(
        len(rows), len(widths), squeeze=False, width_ratios=widths
    )
    for number, (class_name, row) in enumerate(zip(found.classes, rows)):
        for axes, panel in zip(grid[number], row):
            if panel is None:
                axes.set_axis_off()
                continue
            head, picture, sure = panel
            title = "" if number else head.replace("$", r"\$")
            figures.show_image(
                axes, picture, title, cmap="gray", vmin=0, vmax=255
            )
            axes.set_xlabel(
                f"{100 * sure:.0f} %",
                fontsize=7,
                color=figures.FAINT,
                labelpad=2,
            )
        grid[number, 0].set_ylabel(
            class_name.replace("$", r"\$"), fontsize=9, color=figures.INK
        )
    return figure


def table(found: Comparison) -> tuple:
    """Returns the numbers of a `Comparison`: header and rows of network, class,
    seed, octave and step (from 1), and the logit of the class."""
    rows = (
        (*key, octave, step, f"{score:.6g}")
        for key, drawing in found.drawings.items()
        for octave, step, score in drawing.scores
    )
    return ("network", "class", "seed", "octave", "step", "score"), rows


def _panels_of(found, name, class_name):
    """Yields title, picture and probability of the pictures of a class by a
    network."""
    drawings = [found.drawings[name, class_name, seed] for seed in found.seeds]
    for modality in drawings[0].clips:
        for drawing in drawings:
            clip = drawing.clips[modality]
            middle = clip[len(clip) // 2][None]
            shown = deep_draw.panels(middle, modality)[:2]
            for place, (picture, _) in enumerate(shown):
                axis = f" {'xy'[place]}" if len(shown) > 1 else ""
                head = f"{name}\n{modality}{axis}"
                yield head, picture, drawing.probabilities[1]
