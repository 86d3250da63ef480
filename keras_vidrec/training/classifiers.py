"""Classifiers that are worked out from features, where there are too few
videos to train one."""

import logging
import types

import numpy as np

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.data import pipeline
from keras_vidrec.data.failures import Failures
from keras_vidrec.specs import checks

logger = logging.getLogger("keras_vidrec")

# What is done to features before they are compared: whether their mean is the
# origin, and whether each is divided by its deviation.
_PREPARED = types.MappingProxyType(
    {
        "centered_class_means": (True, False),
        "standardized_class_means": (True, True),
        "class_means": (False, False),
        "ridge": (True, False),
    }
)
KINDS = tuple(_PREPARED)

# Of ridge regression on features of length 1.
_RIDGE = 1.0
# What a feature that never changes is divided by, of the mean deviation.
_LEAST_DEVIATION = 1e-2
# What scores are multiplied by; which, videos of other groups tell.
_SHARPNESS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
# Where there are none.
_USUAL_SHARPNESS = 8.0


def solve(kind, features, labels, groups, num_classes):
    """The weights of a classifier of videos by their features.

    The class of a video is the one whose videos its features point in the
    direction of, by the cosine: of the mean of the class
    (`"class_means"`), with the mean of all videos as the origin
    (`"centered_class_means"`), and each feature divided by its deviation
    (`"standardized_class_means"`), or by ridge regression (`"ridge"`). All of
    them are linear, so that the mean over frames may be taken before or after.
    How sure the probabilities are is that of videos of other groups.

    Args:
        kind: str, one of `KINDS`.
        features: float array `(videos, features)`, means over the frames.
        labels: int sequence `(videos,)`.
        groups: sequence of str `(videos,)`.
        num_classes: int. A class without videos is never found.

    Returns:
        `(kernel, bias)`: float32 arrays `(features, classes)` and
        `(classes,)`, to logits.

    Raises:
        ValueError: on another kind.
    """
    checks.choice("classifier", kind, KINDS)
    features = np.asarray(features, "float64")
    labels = np.asarray(labels)
    kernel, bias = _solve(kind, features, labels, num_classes)
    held_out = left_out_scores(kind, features, labels, groups, num_classes)
    sharpness = _sharpness(held_out, labels)
    bias = np.where(np.isin(np.arange(num_classes), labels), bias, -1e4)
    return (
        (sharpness * kernel).astype("float32"),
        (sharpness * bias).astype("float32"),
    )


def sharpened(scores, labels):
    """Scores of `left_out_scores` as logits, as sure as these make them."""
    return _sharpness(scores, np.asarray(labels)) * scores


def left_out_scores(kind, features, labels, groups, num_classes):
    """Scores of each video by the classifier of the videos of other groups.

    Args: as of `solve`.

    Returns:
        float array `(videos, classes)`: -inf for classes without videos in
        other groups, NaN where nothing can be said: the video's own class has
        none there.
    """
    features = np.asarray(features, "float64")
    labels, groups = np.asarray(labels), np.asarray(groups)
    scores = np.full((len(labels), num_classes), np.nan)
    for group in dict.fromkeys(groups.tolist()):
        inside = groups == group
        known = np.unique(labels[~inside])
        told = inside & np.isin(labels, known)
        if not told.any():
            continue
        kernel, bias = _solve(
            kind, features[~inside], labels[~inside], num_classes
        )
        found = np.full((told.sum(), num_classes), -np.inf)
        found[:, known] = (features[told] @ kernel + bias)[:, known]
        scores[told] = found
    return scores


def features(model, source, indices, test, verbose=False):
    """What a network sees in videos, on the mean of all that a test shows.

    Args:
        model: keras.Model, `TSN` of one stream.
        source: `Source` of images.
        indices: sequence of int. The videos.
        test: `TestProtocol`.
        verbose: bool. Whether to show a progress bar. Defaults to `False`.

    Returns:
        Pair of a float32 array `(videos, features)` and the indices of its
        videos, those that can be read.

    Raises:
        ValueError: if the network is none that classifies single snippets.
        TooManyFailures: if over 5 % of the videos cannot be read.
    """
    spec = describe(model).clip_spec
    stream = "rgb" if spec.modalities[0].startswith("rgb") else "flow"
    tower = feature_tower.features_of(model, stream)
    test = test.completed(spec)
    clips = pipeline.read_each(
        source,
        test.shown(spec),
        indices,
        Failures(len(indices)),
        verbose,
        name="features",
        **test.reading(),
    )
    found, seen = [], []
    for index, clip in clips:
        found.append(tower.predict_on_batch(clip).mean(axis=(0, 1)))
        seen.append(index)
    return np.reshape(found, (len(seen), -1)), seen


def fit(model, data):
    """Works out the classifier of a network from the videos to train on, each
    shown as in the test of its recipe.

    Args:
        model: keras.Model, `TSN` of one stream; its layer `logits` is set.
        data: `training.dataset.Dataset`, with its recipe.

    Raises:
        ValueError, TooManyFailures: as `features`.
    """
    recipe, source = data.recipe, data.source
    kind = recipe.initialization.classifier
    found, seen = features(model, source, data.train, recipe.test)
    model.get_layer("logits").set_weights(
        solve(
            kind,
            found,
            [source.labels[index] for index in seen],
            [source.groups[index] for index in seen],
            len(source.classes),
        )
    )
    logger.warning(
        "The classifier is worked out from %d videos: %s.", len(seen), kind
    )


def _solve(kind, features, labels, num_classes):
    """Kernel and bias, to scores about as large as cosines."""
    centered, standardized = _PREPARED[kind]
    origin = features.mean(axis=0) * centered
    scale = np.ones(features.shape[1])
    if standardized:
        deviation = features.std(axis=0)
        least = max(_LEAST_DEVIATION * deviation.mean(), 1e-12)
        scale = 1 / np.maximum(deviation, least)
    x = (features - origin) * scale
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    x = x / np.maximum(lengths, 1e-12)
    if kind == "ridge":
        directions = _ridge(x, labels, num_classes)
    else:
        directions = _means(x, labels, num_classes)
    # The length of a new video is not known here: the mean one is near.
    mean_length = max(lengths.mean(), 1e-12)
    kernel = (directions * scale).T / mean_length
    return kernel, -origin @ kernel


def _means(x, labels, num_classes):
    directions = np.zeros((num_classes, x.shape[1]))
    for label in np.unique(labels):
        mean = x[labels == label].mean(axis=0)
        directions[label] = mean / max(np.linalg.norm(mean), 1e-12)
    return directions


def _ridge(x, labels, num_classes):
    """In its dual form: there are more features than videos."""
    wanted = np.equal.outer(labels, np.arange(num_classes)).astype("float64")
    gram = x @ x.T + _RIDGE * np.eye(len(x))
    return np.linalg.solve(gram, wanted).T @ x


def _sharpness(scores, labels):
    """The factor of the scores that makes the true classes of videos of other
    groups the most probable."""
    told = ~np.isnan(scores).any(axis=1)
    if told.sum() < 2:
        return _USUAL_SHARPNESS
    scores, labels = scores[told], labels[told]
    losses = []
    for factor in _SHARPNESS:
        logits = factor * scores
        top = logits.max(axis=1, keepdims=True)
        total = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
        losses.append(np.mean(total - logits[np.arange(len(labels)), labels]))
    return _SHARPNESS[int(np.argmin(losses))]
