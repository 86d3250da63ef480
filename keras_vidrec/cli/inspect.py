import itertools
import json
import pathlib
import sys
import textwrap
import typing

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.specs.checks import counted

# Number of items of a list that are printed.
_SHOWN = 10
# Flow images in a snippet, as in TSN.
_FLOW_IMAGES = 5
# The settings of the section `data` of a recipe that change how a dataset is
# read, apart from the list and the split files, which have their own options.
_SETTINGS = ("layout", "test_fraction", "background")
_NO_BREAK = "\N{NO-BREAK SPACE}"


def inspect(
    directory: options.Directory,
    videos_list: options.VideosList = None,
    splits: options.Splits = None,
    settings: list[str] = typer.Option(
        [],
        "--set",
        help="Read the dataset as `vidrec train` does with the same setting: "
        "data.background=true, data.test_fraction=0.4, data.layout=folder. "
        "Repeatable.",
    ),
    as_json: bool = typer.Option(
        False, "--json", help="Print everything found as JSON."
    ),
    sheet: pathlib.Path = typer.Option(
        None,
        help=(
            "Draw some training clips to this .png, sampled and augmented "
            "as in training: frames and flow, if available."
        ),
    ),
    recipe: str = typer.Option(
        None,
        help="With --sheet: draw the clips of this recipe (see `vidrec "
        "recipes`), or of a YAML file.",
    ),
    sheet_videos: int = typer.Option(
        8, min=1, help="Number of videos on the sheet."
    ),
    seed: int = typer.Option(
        0, min=0, help=("Seed of the sheet's random choices.")
    ),
    write_list: pathlib.Path = typer.Option(
        None,
        help=(
            "Write the dataset as a list to this .csv, with the columns "
            "path,label,split, for use with `--list`."
        ),
    ),
):
    """Print what a dataset contains and what is wrong with it.

    Exit status 1 if videos are broken, or if one video or group is in both
    parts of a split. Missing, short and identical videos are only listed.
    """
    from keras_vidrec.data import inspection
    from keras_vidrec.data import opening
    from keras_vidrec.data.prepared import storage

    if storage.is_url(directory):
        load_backend()  # TensorFlow may read it
    if recipe is not None and sheet is None:
        raise typer.BadParameter("--recipe needs --sheet")
    where = {
        "videos_list": videos_list,
        "splits": splits,
        **_where(settings),
    }
    if sheet is not None:
        draw_sheet(directory, where, recipe, sheet, sheet_videos, seed)
    opened = opening.open_dataset(directory, **where, images_only=True)
    written = []
    if write_list is not None:
        from keras_vidrec.data.catalogs import list_writer

        written = list_writer.write(opened.catalog, write_list)
    found = inspection.inspect(opened, verbose=sys.stderr.isatty())
    if as_json:
        echo(json.dumps(found.to_dict(), indent=1))
    else:
        echo("\n".join(_report(found)))
    if sheet is not None:
        echo(f"Sheet: {sheet}", err=as_json)
    for path in written:
        echo(f"List: {path}", err=as_json)
    if not found.is_sound:
        raise typer.Exit(1)


def _where(settings: list[str]) -> dict[str, typing.Any]:
    """Returns the arguments of `opening.open_dataset` for `--set`."""
    keys = [setting.partition("=")[0].strip() for setting in settings]
    for key in keys:
        if key.removeprefix("data.") not in _SETTINGS or key in _SETTINGS:
            raise typer.BadParameter(
                "Expected one of data."
                f"{', data.'.join(_SETTINGS)}. Received: {key!r}",
                param_hint="--set",
            )
    if not settings:
        return {}
    load_backend()
    from keras_vidrec.training import recipes

    data = recipes.get("scratch").with_settings(settings).data
    names = [key.removeprefix("data.") for key in keys]
    return {name: getattr(data, name) for name in names}


def _report(found):
    """Yields the lines of the report on an inspection."""
    yield f"{found.directory} ({found.kind})"
    if found.understood:
        yield f"read as  {found.understood}"
    if found.made:
        yield f"made     {_made(found.made)}"
    classes = counted(len(found.classes), "class")
    yield f"videos   {found.num_videos} in {classes}"
    for key, part in found.splits.items():
        listed = found.validation.get(key)
        listed = f", {listed} validation" if listed else ""
        yield f"split {key:<2} {part.train} training, {part.test} test{listed}"
    for modality, counts in found.images.items():
        yield (
            f"{modality:8} {counts.least} to {counts.most} images a video, "
            f"median {counts.median:g}"
        )
    counts = ", ".join(
        # Lines are not broken between a name and its number.
        f"{name} {count}".replace(" ", _NO_BREAK)
        for name, count in found.classes.items()
    )
    for line in textwrap.wrap(
        f"classes  {counts}",
        79,
        subsequent_indent=" " * 9,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        yield line.replace(_NO_BREAK, " ")
    for note in (*found.problems, *found.remarks):
        yield f"note     {note}"
    yield from _listed("missing", found.missing)
    yield from _listed("short", map(": ".join, found.short.items()))
    yield from _listed("broken", map(": ".join, found.broken.items()))
    yield from _listed(
        "damaged, left out of training", map(": ".join, found.damaged.items())
    )
    yield from _listed("the same", map(" = ".join, found.identical))
    yield from _listed("alike, kept together", map(" = ".join, found.alike))
    yield from _listed(
        "in both parts of a split",
        (
            f"split {leak.split}, same {leak.reason}: training {leak.train}, "
            f"test {leak.test}"
            for leak in found.leaks
        ),
    )
    if found.is_sound and not found.damaged:
        yield "No broken files, and no overlap between training and test."


def _listed(title, items):
    """Yields a title with the number of items, and the first items; nothing if
    there are none."""
    items = list(items)
    if items:
        yield f"{title}: {len(items)}"
        yield from (f"  {item}" for item in items[:_SHOWN])
        if len(items) > _SHOWN:
            yield f"  and {len(items) - _SHOWN} more (--json lists all)"


def _made(settings):
    """Describes how a dataset was prepared."""
    frame = settings["frame"]
    parts = [f"JPEG of quality {settings['quality']}"]
    if frame is not None:
        parts.insert(0, f"frames {frame['size']}")
    if settings["flow"] != "none":
        parts.append(
            f"flow by {settings['flow']} within {settings['bound']:g} pixels"
        )
    return ", ".join(parts)


def draw_sheet(directory, where, recipe, path, num_videos, seed):
    """Writes a contact sheet of training clips of a dataset.

    Args:
        directory: path or URL of the dataset.
        where: dict of further arguments of `opening.open_dataset`.
        recipe: `None` (all images that are stored), or str: name or file of
            the recipe whose clips are drawn.
        path: path of the picture.
        num_videos: int.
        seed: int.
    """
    from keras_vidrec import visualization
    from keras_vidrec.data import augmentation as augmentations
    from keras_vidrec.data import opening

    if recipe is None:
        opened = opening.open_dataset(directory, **where, images_only=True)
        spec, augmentation = _all_of(opened)
    else:
        spec, augmentation = _of_recipe(recipe)
        opened = opening.open_dataset(
            directory, flow=spec.flow, **where, images_only=True
        )
    for step in augmentation.of_batches:
        name = augmentations.name_of(step)
        echo(f"Not on the sheet: {name}, which mixes two clips.", err=True)
    picture = visualization.contact_sheet(
        opened.source,
        _choose(opened.catalog, num_videos),
        spec,
        augmentation,
        seed,
    )
    visualization.save_picture(path, picture)


def _all_of(opened):
    """Returns the `ClipSpec` of all images that a dataset contains, and an
    `Augmentation` without steps."""
    from keras_vidrec.data.augmentation import Augmentation
    from keras_vidrec.specs import ClipSpec
    from keras_vidrec.specs import FlowSpec
    from keras_vidrec.specs import FrameSpec

    stored = ("rgb",)
    # For videos, flow would have to be computed, which takes long.
    if opened.kind != "videos":
        # Differences show nothing that the frames do not show.
        stored = tuple(
            name for name in opened.source.modalities if name != "rgb_diff"
        )
    spec = ClipSpec(
        modalities=stored,
        snippet_length=1 if stored == ("rgb",) else _FLOW_IMAGES,
        flow=opened.source.flow or FlowSpec(),
        frame=opened.source.stored_as or FrameSpec(),
    )
    return spec, Augmentation()


def _of_recipe(recipe):
    """Returns the `ClipSpec` and the `Augmentation` of a recipe."""
    load_backend()
    from keras_vidrec.training import recipe_network
    from keras_vidrec.training import recipes

    chosen = recipes.get(recipe)
    return recipe_network.clip_spec(chosen), chosen.augmentation


def _choose(catalog, num_videos):
    """Returns indices of training videos, of as many classes as possible."""
    from keras_vidrec.data.catalogs import label_sets

    key = min(catalog.splits, key=str)
    by_class = {}
    for index in catalog.splits[key].train:
        label = label_sets.as_set(catalog.labels[index])[:1]
        by_class.setdefault(label, []).append(index)
    turns = itertools.zip_longest(*by_class.values())
    chosen = (index for turn in turns for index in turn if index is not None)
    return list(itertools.islice(chosen, num_videos))
