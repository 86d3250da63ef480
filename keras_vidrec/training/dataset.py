"""Opens the dataset of a recipe's section `data` and splits it into parts."""

import dataclasses

from keras_vidrec.data import healths
from keras_vidrec.data import opening
from keras_vidrec.data.catalogs.split import carve_validation
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import checks
from keras_vidrec.specs.checks import counted
from keras_vidrec.training import feature_inputs
from keras_vidrec.training import recipe_network

_FLOWS = ("flow", "warped_flow")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A source, and its videos for training, validation and test.

    Attributes:
        source: a `Source`.
        train: tuple of int. Indices of the training videos.
        validation: tuple of int. Indices of the validation videos: those that
            the dataset lists, or groups held out of the training videos; empty
            if the recipe has no validation.
        test: tuple of int. Indices of the test videos, which only evaluation
            uses. If there is no test list, those of the listed validation part.
        problems: tuple of str. Remarks about unusual properties of the dataset.
        recipe: the `Recipe`, completed by facts that only the dataset contains:
            how its flow was made, the size of its features.
        changes: tuple of str. Changes of a run's videos since it started.
            Defaults to `()`.
    """

    source: object
    train: tuple
    validation: tuple
    test: tuple
    problems: tuple
    recipe: object
    changes: tuple = ()


def load(recipe, spec=None):
    """Opens the dataset of a recipe: videos, a prepared dataset, frame folders
    or features.

    Args:
        recipe: `Recipe`.
        spec: `None`, or `ClipSpec` of an existing network that is to read the
            dataset. Then the dataset must have the inputs of that network, not
            those of the recipe: a network over features that was joined with
            the networks that made them reads videos. Defaults to `None`.

    Returns:
        `Dataset`.

    Raises:
        ValueError: if the recipe's dataset or split does not exist, if the
            recipe uses a listed validation part that the dataset does not
            have, or if the dataset does not have the modality, flow or
            features that the network needs.
    """
    data = recipe.data
    checks.check(
        data.directory is not None,
        "data.directory",
        "a directory of videos, of frame folders, or one that `vidrec "
        "prepare` has made",
        data.directory,
    )
    flow = FlowSpec(**_stated_flow(recipe)) if spec is None else spec.flow
    with checks.names(
        directory="data.directory",
        layout="data.layout",
        videos_list="data.list",
        splits="data.split_files",
        test_fraction="data.test_fraction",
        background="data.background",
    ):
        kind, source, catalog = opening.open_dataset(
            data.directory,
            layout=data.layout,
            videos_list=data.list,
            splits=data.split_files,
            test_fraction=data.test_fraction,
            flow=flow,
            background=data.background,
        )
    if spec is None:
        feature_inputs.check_kind(kind, recipe)
        recipe = _with_flow_of(source, recipe)
    else:
        _check_seen(source, spec, data.directory)
    if kind == "features":
        recipe = feature_inputs.with_features_of(source, recipe)
    problems = catalog.problems
    if catalog.understood:
        problems = (catalog.understood, *problems)
    modalities = (
        recipe_network.streams(recipe) if spec is None else spec.modalities
    )
    if kind == "videos" and {*_FLOWS} & {*modalities}:
        problems += (
            "Flow is computed each time a video is read, which is slow: "
            "`vidrec prepare` computes it only once.",
        )
    checks.choice("data.split", data.split, sorted(catalog.splits))
    train, validation, test, remarks = _parts(catalog, recipe)
    problems += remarks
    return Dataset(
        source,
        tuple(train),
        tuple(validation),
        tuple(test),
        problems,
        recipe,
    )


def of_run(run, recipe, spec=None):
    """Opens the dataset of a recipe for a test of a run. If the recipe has the
    section `data` of the run, the parts are those stored when the run started.

    Args:
        run: `Run`.
        recipe: `Recipe`. Its settings may differ from the run's.
        spec: as for `load`. Defaults to `None`.

    Returns:
        `Dataset`.

    Raises:
        ValueError: as for `load`.
    """
    data = load(recipe, spec)
    videos = run.videos if recipe.data == run.recipe.data else None
    return data if videos is None else videos.apply(data)


def without_damaged(data, verbose=True):
    """The dataset without the training videos that have lost over 10 % of their
    frames, unless its recipe keeps them. Checks every training and validation
    video.

    Args:
        data: `Dataset`.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `Dataset`. Its `problems` list the excluded videos, and unusual
        properties of the files.

    Raises:
        ValueError: if no training video is left.
    """
    damaged, remarks = _look(data, (*data.train, *data.validation), verbose)
    lost = {i: text for i, text in damaged.items() if i in {*data.train}}
    train = data.train
    lines = []
    if data.recipe.data.keep_damaged:
        kept = damaged
    else:
        train = tuple(i for i in train if i not in lost)
        kept = {i: text for i, text in damaged.items() if i not in lost}
        if lost:
            lines.append(
                f"Damaged clips are excluded from training: {len(lost)} "
                "(data.keep_damaged=true keeps them)."
            )
            lines += healths.named(data.source, lost)
    if kept:
        lines.append(f"Damaged clips are used in training: {len(kept)}.")
        lines += healths.named(data.source, kept)
    if not train:
        raise ValueError(
            "Expected videos to train on, or data.keep_damaged=true. Received: "
            f"{data.recipe.data.directory}, all of whose {len(data.train)} "
            "training videos are damaged"
        )
    return dataclasses.replace(
        data, train=train, problems=(*data.problems, *lines, *remarks)
    )


def test_remarks(data, verbose=True):
    """Remarks about the test videos: changes since the run started, damaged
    videos, which are tested too, and unusual properties of the files. Checks
    each test video.

    Args:
        data: `Dataset`.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        list of str.
    """
    damaged, remarks = _look(data, data.test, verbose)
    lines = [*data.changes]
    if damaged:
        lines.append(f"Damaged clips are tested: {len(damaged)}.")
        lines += healths.named(data.source, damaged)
    return [*lines, *remarks]


def _look(data, indices, verbose):
    """Checks videos. Returns the damaged ones as a dict from index to
    description, and remarks about all of them."""
    frame = _stated_frame(data.recipe)
    found = healths.look(data.source, indices, frame, verbose)
    return (
        healths.damaged(data.source, found),
        healths.remarks(data.source, found, frame),
    )


def _stated_frame(recipe):
    """The `FrameSpec` that a recipe sets. Its `fps` and `deinterlace` are those
    of the network: builders set only the size of frames."""
    frame = recipe.clip.get("frame", {})
    if isinstance(frame, FrameSpec):
        return frame
    checks.check(
        isinstance(frame, dict),
        "clip.frame",
        "a mapping with size or fps, such as {fps: 15}",
        frame,
    )
    with checks.inside("clip.frame."):
        return FrameSpec.from_dict(frame)


def _parts(catalog, recipe):
    """The training, validation and test parts, and remarks about them."""
    key, wanted = recipe.data.split, recipe.validation
    train, test = catalog.splits[key]
    listed = catalog.validation.get(key, ())
    remarks = []
    validation = ()
    is_listed = wanted.listed or (
        wanted.auto and wanted.fraction and bool(listed)
    )
    if is_listed:
        checks.check(
            bool(listed),
            "validation",
            "a dataset whose list or folders name a validation part (val)",
            "listed",
        )
        validation = listed
    elif wanted.fraction and train:
        try:
            train, validation = carve_validation(
                catalog, key, wanted.fraction, wanted.seed
            )
        except ValueError:
            if not wanted.auto or recipe.needs_validation:
                raise
            remarks.append(
                "There is no validation part, because no class has two "
                "groups of training videos: the network of the last epoch "
                "is saved."
            )
    if listed and not test:
        test = listed
        remarks.append(
            "There is no test part: the test uses the listed validation part"
            + (", which also selects the epoch." if is_listed else ".")
        )
    elif listed and not is_listed:
        remarks.append(
            f"The listed validation part ({counted(len(listed), 'video')}) is "
            "not used; set validation=listed to use it."
        )
    return train, validation, test, tuple(remarks)


def _check_seen(source, spec, directory):
    """Raises an error if a dataset lacks a modality of a network, or its flow
    was made with other settings."""
    for wanted in spec.modalities:
        if wanted not in source.modalities or feature_reader.are_features(
            source
        ):
            raise ValueError(
                f"Expected a dataset that contains {wanted}, the input of "
                f"the network. Received: {directory} with {source.modalities}"
            )
    made = source.flow
    if {*_FLOWS} & {*spec.modalities} and made not in (None, spec.flow):
        raise ValueError(
            f"Expected flow by {spec.flow.method} with bound "
            f"{spec.flow.bound}, as the network was trained. Received: "
            f"{directory}, prepared with {made.method} and {made.bound}"
        )


def _sees_flow(recipe):
    return bool({*_FLOWS} & {*recipe_network.streams(recipe)})


def _stated_flow(recipe):
    """The flow settings of the recipe, as arguments of `FlowSpec`."""
    flow = recipe.clip.get("flow", {})
    if isinstance(flow, FlowSpec):
        return dataclasses.asdict(flow)
    checks.check(
        isinstance(flow, dict),
        "clip.flow",
        "a mapping with method or bound, such as {method: dis}",
        flow,
    )
    with checks.inside("clip.flow."):
        FlowSpec.from_dict(flow)
    return flow


def _with_flow_of(source, recipe):
    """The recipe with the flow settings of the dataset, which its network then
    always needs. Settings of the recipe itself must agree with the dataset.
    """
    directory = recipe.data.directory
    for wanted in recipe_network.streams(recipe):
        if wanted not in MODALITIES:
            return recipe  # the network's builder raises the error
        if wanted not in source.modalities:
            raise ValueError(
                f"Expected a dataset with {wanted}, the input of the network "
                f"of recipe {recipe.name!r}. Received: {directory} with "
                f"{source.modalities}"
            )
    if not _sees_flow(recipe) or source.flow is None:
        return recipe
    stated = _stated_flow(recipe)
    made = dataclasses.asdict(source.flow)
    wrong = {
        name: value
        for name, value in stated.items()
        if getattr(FlowSpec(**stated), name) != made[name]
    }
    if wrong:
        raise ValueError(
            f"Expected flow with {_list(wrong)}, as the recipe says "
            f"(clip.flow). Received: {directory}, prepared with "
            f"{_list({name: made[name] for name in wrong})}; prepare it again, "
            f"or state clip.flow={{{_list(made, ': ')}}}"
        )
    clip = {**recipe.clip, "flow": made}
    return dataclasses.replace(recipe, clip=clip)


def _list(values: dict, equals: str = "=") -> str:
    return ", ".join(f"{name}{equals}{value}" for name, value in values.items())
