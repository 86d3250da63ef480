"""Joins networks over features with the networks that made the features."""

import logging
import typing

import keras
import numpy as np

from keras_vidrec.applications.joining import features_layer
from keras_vidrec.applications.joining import join
from keras_vidrec.applications.parts import head as heads
from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import opening
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.data.clips import reader
from keras_vidrec.data.prepared.features import DTYPE
from keras_vidrec.specs.checks import counted
from keras_vidrec.training import loading
from keras_vidrec.videos.video import VideoError

logger = logging.getLogger("keras_vidrec")

# Videos on which a joined network is compared with its head.
_NUM_COMPARED = 4
# Allowed difference of a probability: for inputs of other shapes the backend
# may use kernels that round differently. `_ROUNDING` times the measured effect
# of rounding features to float16 is added.
_TOLERANCE = 2e-3
_ROUNDING = 4


class Joined(typing.NamedTuple):
    """A joined network.

    Attributes:
        model: keras.Model from clips to classes.
        remark: str. The result of comparing it with the scores of the stored
            features, or why they could not be compared.
    """

    model: keras.Model
    remark: str


def complete(run, source):
    """Completes a run over features: joins its `head.keras` with the networks
    that made the features, and saves the result, which takes pixels, as
    `model.keras`. If that fails, the log contains the reason and the command
    that does it later.

    Args:
        run: `Run` with a `head.keras`.
        source: `Features` that it was trained on.
    """
    head = model_file.load(run.head_file)
    try:
        joined = join_features(head, source)
    except (ValueError, OSError) as error:
        streams = heads.describe(head).clip_spec.modalities
        options = " ".join(f"--{stream} RUN" for stream in streams)
        logger.warning(
            "%s can only be used on features, not on videos: %s. After "
            "fixing this, run `vidrec join --head %s %s --out %s` to get a "
            "network for videos.",
            run.head_file,
            " ".join(str(error).split()).rstrip("."),
            run.path,
            options,
            run.model_file,
        )
        return
    with run.writing():
        model_file.save(joined.model, run.model_file)
    logger.warning(
        "%s can be used on videos. %s", run.model_file, joined.remark
    )


def join_features(head, source, networks=()):
    """Joins a network over features with those that made them.

    The class scores of the result are compared with those of the head for the
    stored features of some videos. As features are stored as float16, a
    probability may differ by 0.002 plus 4 times the largest change that this
    rounding makes in any of the compared videos.

    Args:
        head: keras.Model over features.
        source: `Features` of its training.
        networks: dict by stream of paths of runs or `.keras` files. For other
            streams the paths stored with the features are used. Defaults to
            none.

    Returns:
        `Joined`.

    Raises:
        ValueError: if a network does not exist any more or does not fit, or the
            scores differ.
    """
    settings = source.settings
    if settings["max_frames"] is not None:
        raise ValueError(
            "A joined network uses whole videos. Expected features of all "
            "frames. Received: a dataset of the first "
            f"{counted(settings['max_frames'], 'frame')} (max_frames)"
        )
    named = settings["made_from"].get("networks", {})
    model = join_networks(head, {**named, **dict(networks)})
    spec = heads.describe(model).clip_spec
    try:
        images = images_of(source, spec.flow)
        return Joined(model, _compare(model, head, source, images))
    except (_NothingToCompare, OSError) as error:
        reason = " ".join(str(error).split())
        return Joined(
            model,
            "It was not compared with the scores of the stored features: "
            f"{reason}",
        )


def join_networks(head, networks):
    """Joins a network over features with the networks at paths, without
    comparing scores.

    Args:
        head: keras.Model over features.
        networks: dict by stream of paths of runs or `.keras` files.

    Returns:
        keras.Model.

    Raises:
        ValueError: if a network does not exist or does not fit.
    """
    loaded = {}
    for stream in heads.describe(head).clip_spec.modalities:
        if stream not in networks:
            raise ValueError(
                f"Expected the network that made the features of {stream}. "
                "Received: none, and the features do not contain its path"
            )
        try:
            loaded[stream] = loading.load(networks[stream])
        except ValueError as error:
            raise ValueError(
                f"The network that made the features of {stream} is missing: "
                f"{error}"
            ) from error
    return join(head, **loaded)


class _NothingToCompare(ValueError):
    """The videos of the features cannot be found or read."""


def images_of(source, flow=None):
    """Opens the dataset that features were made from.

    Args:
        source: `Features`.
        flow: `None`, or `FlowSpec`, as for `opening.open_dataset`. Defaults to
            `None`.

    Returns:
        `data.opening.Opened`.

    Raises:
        ValueError: if the features do not contain its path, or it does not
            exist.
    """
    where = source.settings["made_from"].get("data")
    if where is None:
        raise _NothingToCompare(
            "The features do not contain the path of their videos"
        )
    try:
        return opening.open_dataset(**where, flow=flow, images_only=True)
    except (ValueError, OSError) as error:
        raise _NothingToCompare(str(error)) from error


def _compare(model, head, features, images):
    """Compares the scores of clips with those of stored features. Returns a
    sentence about the result.

    Raises:
        ValueError: if they differ by more than rounding explains.
        _NothingToCompare: if none of the videos can be read.
    """
    ask = _Question(model, head, features)
    known = {name: index for index, name in enumerate(images.source.videos)}
    both = [i for i, name in enumerate(features.videos) if name in known]
    places = np.linspace(0, len(both) - 1, min(_NUM_COMPARED, len(both)))
    differences, rounding, reason = [], [], "none of their videos exists"
    for place in places.astype(int):
        index = both[place]
        try:
            found = ask(index, images.source, known[features.videos[index]])
        except (VideoError, OSError) as error:
            reason = str(error)
            continue
        differences.append(found[0])
        rounding.append(found[1])
    if not differences:
        raise _NothingToCompare(f"of {images.catalog.root}, {reason}")
    bound = _TOLERANCE + _ROUNDING * max(rounding)
    if not max(differences) <= bound:
        raise ValueError(
            "The scores of the joined network differ from those of the stored "
            "features. Expected probabilities that differ by at most "
            f"{bound:.1e}, as features are rounded to float16. Received: "
            f"{max(differences):.1e}. Perhaps {images.catalog.root} has "
            "changed since they were made"
        )
    return (
        "Compared with the scores of the stored features on "
        f"{counted(len(differences), 'video')}: probabilities within "
        f"{max(differences):.1e}, of at most {bound:.1e} by rounding to "
        "float16."
    )


class _Question:
    """Compares the scores of a joined network and of its head for the same
    frames of a video."""

    def __init__(self, model, head, features):
        head = heads.inference_model(head)
        self._spec = heads.describe(model).clip_spec
        self._of_head = heads.describe(head).clip_spec
        self._features = features
        self._probabilities = heads.predictions_layer(head).probabilities
        self._head = heads.clip_logits_model(head)
        found = [
            model.get_layer(features_layer(modality)).output
            for modality in self._spec.modalities
        ]
        scores = heads.clip_logits_model(model).output
        self._model = keras.Model(model.input, [scores, *found])

    def __call__(self, index, images, number):
        """Returns the largest difference of a probability, and the largest
        change of a probability by rounding the features.

        Args:
            index: int. Index of the video in the features.
            images: `Source` of clips.
            number: int. Index of the same video in `images`.
        """
        moments, stored = self._stored(index)
        clips = reader.read_test_clip(
            images,
            number,
            self._spec.replace(sampling=self._features.settings["grid"]),
            num_segments=self._features.settings["num_frames"],
            mode="test",
        )
        clips = {
            modality: clip[None, moments] for modality, clip in clips.items()
        }
        found, *features = self._model.predict_on_batch(_alone(clips))
        streams = self._of_head.modalities
        exact = dict(zip(streams, features))
        rounded = {
            stream: x.astype(DTYPE).astype(x.dtype)
            for stream, x in exact.items()
        }
        with_stored, with_exact, with_rounded = (
            self._probabilities(self._head.predict_on_batch(_alone(x)))
            for x in (stored, exact, rounded)
        )
        return (
            float(np.abs(self._probabilities(found) - with_stored).max()),
            float(np.abs(with_exact - with_rounded).max()),
        )

    def _stored(self, index):
        """The positions of the stored frames that the head uses in one clip,
        and their features by stream, as a batch of one."""
        length = keras.tree.flatten(self._head.input)[0].shape[1]
        length = length or self._of_head.num_segments
        moments = feature_reader.test_indices(
            self._features, index, self._of_head, length
        )
        return moments, {
            stream: self._features.read(index, stream, moments)[None]
            for stream in self._of_head.modalities
        }


def _alone(inputs: dict):
    """Inputs as a network takes them: with one stream an array, not a dict."""
    return inputs if len(inputs) > 1 else next(iter(inputs.values()))
