"""Checks that networks over features and datasets of features fit, and
completes recipes by properties of the dataset."""

import dataclasses

from keras_vidrec.training import recipe_network


def check_kind(kind, recipe):
    """Raises an error for images with a network over features, or features with
    a network over images.

    Args:
        kind: str. Kind of the dataset, as `data.opening.open_dataset` returns
            it.
        recipe: `Recipe`.

    Raises:
        ValueError: if they do not fit; the message says what to do.
    """
    directory = recipe.data.directory
    sees_features = recipe_network.sees_features(recipe)
    if sees_features and kind != "features":
        streams = recipe_network.streams(recipe)
        runs = " ".join(f"--{stream} RUN" for stream in streams)
        raise ValueError(
            f"The network of recipe {recipe.name!r} takes features, not "
            f"images. Expected a directory that `vidrec features {runs} "
            f"--data {directory} --out FEATURES` makes, or "
            "network.arguments.backbone, to train it on images from end to "
            f"end. Received: {directory}, a dataset of another kind ({kind})"
        )
    if kind == "features" and not sees_features:
        raise ValueError(
            f"The network of recipe {recipe.name!r} takes images, not "
            "features. Expected a directory of videos, of frame folders, or "
            "prepared by `vidrec prepare`; or the recipe of a network over "
            f"features, such as ts_lstm_ucf101. Received: {directory}, which "
            "`vidrec features` made"
        )


def with_features_of(source, recipe):
    """Completes a recipe by properties of a dataset of features. Settings of
    the recipe itself must agree with the dataset.

    A network that uses all frames of a video is built for the number of stored
    frames, tested on all of them, and samples them on a uniform grid if they
    were made on one. The alignment of motion images is that of the dataset.

    Args:
        source: `Features` with the streams of the network.
        recipe: `Recipe` of a network over features.

    Returns:
        `Recipe`.

    Raises:
        ValueError: if the recipe needs features of another size, or another
            number of frames.
    """
    arguments, clip = dict(recipe.network.arguments), dict(recipe.clip)
    seen = source.settings["alignment"]
    if clip.setdefault("alignment", seen) != seen:
        raise ValueError(
            f"Expected clip.alignment={seen}, as {recipe.data.directory} was "
            f"made. Received: clip.alignment={clip['alignment']}"
        )
    streams = recipe_network.streams(recipe)
    sizes = {stream: source.num_features[stream] for stream in streams}
    _check_sizes(recipe, sizes)
    builder, test = recipe_network.builder(recipe), recipe.test
    num_steps = None
    if builder.whole_video:
        if source.settings["grid"] == "uniform":
            clip.setdefault("sampling", "uniform")
        default = builder.defaults["num_segments"]
        stored = source.settings["num_frames"]
        if stored != default:
            arguments.setdefault("num_segments", stored)
        num_steps = arguments.get("num_segments", default)
        if clip.get("sampling") != "uniform" and num_steps != stored:
            raise ValueError(
                "The network uses all frames of a grid. Expected features "
                f"of {num_steps} frames (`vidrec features --frames "
                f"{num_steps}`), or network.arguments.num_segments={stored}. "
                f"Received: {recipe.data.directory} with {stored} frames a "
                "video"
            )
        if test.num_segments == default:
            test = dataclasses.replace(test, num_segments=num_steps)
    if "input_shape" not in arguments and "features" not in arguments:
        if len({*sizes.values()}) == 1:
            arguments["features"] = sizes[streams[0]]
        else:
            arguments["input_shape"] = {
                stream: [num_steps, size] for stream, size in sizes.items()
            }
    crops = {source.settings["crops"][stream] for stream in streams}
    if len(crops) == 1:
        clip.setdefault("size", *crops)
    frames = [(source.settings.get("frames") or {}).get(s) for s in streams]
    if None not in frames and all(frame == frames[0] for frame in frames):
        clip.setdefault("frame", frames[0])
    return dataclasses.replace(
        recipe,
        clip=clip,
        test=test,
        network=dataclasses.replace(recipe.network, arguments=arguments),
    )


def _check_sizes(recipe, sizes):
    """Raises an error if features have another size than the recipe sets."""
    arguments = recipe.network.arguments
    shape = arguments.get("input_shape")
    for stream, size in sizes.items():
        stated, name = arguments.get("features"), "features"
        if shape is not None:
            of_stream = shape.get(stream) if isinstance(shape, dict) else shape
            # The builder raises an error for an invalid shape.
            stated, name = (of_stream or [None])[-1], "input_shape"
        if stated not in (None, size):
            raise ValueError(
                f"Expected {stated} features of {stream}, as the recipe says "
                f"(network.arguments.{name}); leave that out to take what the "
                f"dataset has. Received: {recipe.data.directory} with {size}"
            )
