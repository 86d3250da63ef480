"""Clips for `model.fit`, in one call."""

import dataclasses
import logging
import pathlib
import typing

import keras
import tensorflow as tf

from keras_vidrec.applications.parts import head
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.sources.source import Source
from keras_vidrec.specs import checks
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes.data import Data

PARTS = ("train", "validation", "test")

logger = logging.getLogger("keras_vidrec")


class Clips(typing.NamedTuple):
    """Clips of a part of a dataset.

    Attributes:
        dataset: `tf.data.Dataset` of `(inputs, label)`, endless, of the part
            `"train"`; else of `(inputs, label, sample_weight)`, once. Labels
            are int32 class indices `(batch,)`, or, if videos may have several
            classes, float32 of 0 and 1 `(batch, classes)`.
        steps: int. Number of batches that contain every video of the part once,
            for `steps_per_epoch` of `fit` with the part `"train"`.
        class_names: tuple of str in the order of the labels.
    """

    dataset: tf.data.Dataset
    steps: int
    class_names: tuple


def clips(
    data: str | pathlib.Path | dict,
    model: keras.Model,
    part: str = "train",
    *,
    batch_size: int = 8,
    seed: int = 0,
) -> Clips:
    """Clips of a dataset in the form that a network needs, for `model.fit`.

    Videos are split as by `vidrec train scratch`: by existing lists, or by
    holding out groups of every class. A network without class names gets those
    of the dataset, so that they are saved and exported with it.

    Args:
        data: path or URL of the dataset: one folder per class, UCF101, HMDB51,
            or made by `vidrec prepare` or `vidrec features`; or a dict of the
            section `data` of a recipe, such as `{"directory": "videos", "list":
            "list.csv"}`.
        model: keras.Model of this package, whose clip specification is used:
            frames, sampling, size and modalities.
        part: str. `"train"` (shuffled, cropped at random, and flipped),
            `"validation"` or `"test"` (in order, center crops). Defaults to
            `"train"`.
        batch_size: int. Clips in a batch. Defaults to `8`.
        seed: int. Seed of random choices. Defaults to `0`.

    Returns:
        `Clips`: the dataset, its steps and the class names.

    Raises:
        ValueError: if there is no dataset, the part is empty, the dataset does
            not have the network's modalities or classes, or its videos may have
            several classes and the network has a softmax.

    Example:

    ```python
    model = keras_vidrec.applications.TSN(classes=6, backbone="resnet50")
    train = keras_vidrec.clips("my_videos", model)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(
        train.dataset, steps_per_epoch=train.steps, epochs=10, shuffle=False
    )
    ```
    """
    checks.choice("part", part, PARTS)
    checks.count("batch_size", batch_size)
    spec = head.describe(model).clip_spec
    if spec is None:
        raise checks.ArgumentError(
            "model",
            "a network with a clip specification",
            getattr(model, "name", model),
        )
    section = data if isinstance(data, dict) else {"directory": data}
    known = [field.name for field in dataclasses.fields(Data)]
    for name in section:
        checks.known("key of data", name, known)
    recipe = recipes.get("scratch").with_data(**section)
    # Errors are about the caller's own argument.
    words = {} if isinstance(data, dict) else {"data.directory": "data"}
    with checks.names(**words):
        found = datasets.load(recipe.with_absolute_paths(), spec)
    if part == "train":
        found = datasets.without_damaged(found)
    for problem in found.problems:
        logger.warning("%s", problem)
    videos = getattr(found, part)
    if not videos:
        raise ValueError(
            f"Expected videos of the part {part!r}. Received: "
            f"{found.recipe.data.directory}, which has none"
        )
    _agree(model, found.source)
    return Clips(
        pipeline.make(
            found.source,
            spec,
            videos,
            training=part == "train",
            batch_size=batch_size,
            seed=seed,
        ),
        pipeline.steps_per_epoch(len(videos), batch_size),
        tuple(found.source.classes),
    )


def _agree(model: keras.Model, source: Source) -> None:
    """Checks that a network and a dataset have the same classes, and stores the
    class names in the network."""
    layer = head.predictions_layer(model)
    known, classes = layer.class_names, tuple(source.classes)
    checks.check(
        layer.activation != "softmax" or not label_sets.are_sets(source.labels),
        "model",
        'a network with classifier_activation="sigmoid" (and the loss '
        '"binary_crossentropy"), because videos may have several classes',
        f"{model.name}, with a softmax",
    )
    if known is not None and tuple(known) != classes:
        raise ValueError(
            "Expected a dataset of the classes of the network, "
            f"{checks.shorten(str(known))}. Received: "
            f"{checks.shorten(str(classes))}"
        )
    if model.output_shape[-1] != len(classes):
        raise ValueError(
            f"Expected a network of {len(classes)} classes, as the dataset "
            f"has. Received: {model.name!r} of {model.output_shape[-1]}"
        )
    layer.class_names = classes
