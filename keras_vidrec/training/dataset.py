"""From the section `data` of a recipe to a source and its parts."""

import dataclasses

from keras_vidrec.data import catalog as catalogs
from keras_vidrec.data.video_files import VideoFiles


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A source and which of its videos serve for what.

    Attributes:
        source: a `Source`.
        train: tuple of int. Videos to train on.
        validation: tuple of int, carved out of the training groups; empty if
            the recipe names none.
        test: tuple of int. Videos of the test list; only evaluation opens it.
        problems: tuple of str. What is odd about the dataset.
    """

    source: object
    train: tuple
    validation: tuple
    test: tuple
    problems: tuple


def load(recipe):
    """The dataset of a recipe.

    Args:
        recipe: `Recipe`.

    Returns:
        `Dataset`.

    Raises:
        ValueError: if there is no dataset where the recipe says, no such
            split, or nothing in its training part.
    """
    data = recipe.data
    if data.directory is None:
        raise ValueError(
            "Expected a directory of videos (--data DIR, or data.directory). "
            "Received: data.directory=None"
        )
    catalog = catalogs.discover(
        data.directory,
        layout=data.layout,
        videos_list=data.list,
        splits=data.split_files,
        test_fraction=data.test_fraction,
    )
    if data.split not in catalog.splits:
        raise ValueError(
            f"Expected a split of {sorted(catalog.splits)}. Received: "
            f"data.split={data.split}"
        )
    split = catalog.splits[data.split]
    if not split.train:
        raise ValueError(
            f"Expected videos to train on. Received: {data.directory}, of "
            f"whose {len(catalog.videos)} videos none is in the training part"
        )
    train, validation = split.train, ()
    if recipe.validation.fraction:
        train, validation = catalogs.carve_validation(
            catalog,
            data.split,
            recipe.validation.fraction,
            recipe.validation.seed,
        )
    return Dataset(
        VideoFiles(catalog),
        tuple(train),
        tuple(validation),
        split.test,
        catalog.problems,
    )
