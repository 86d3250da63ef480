"""Classifiers that are computed from features, where there are too few videos
to train one.
"""

import logging
import types

import numpy as np
import scipy.optimize
import scipy.special

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.data import pipeline
from keras_vidrec.data.clips import reader
from keras_vidrec.data.failures import Failures
from keras_vidrec.data.read_ahead import draw_of
from keras_vidrec.data.read_ahead import read_ahead
from keras_vidrec.specs import checks
from keras_vidrec.videos.video import VideoError

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

# Strengths of ridge regression on features of length 1; one is chosen by
# cross-validation over groups. Where there are none, the middle one.
_STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
# What a feature that never changes is divided by, of the mean deviation.
_LEAST_DEVIATION = 1e-2
# Range of the factor of scores, as powers of two; it is chosen by
# cross-validation over groups.
_SHARPNESS = (-1, 8)
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
    How sure the probabilities are is that of videos of other groups, and of
    one more that may be of any class: where all of 9 groups are known, it is
    about 95 % of two classes, not 100 %.

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
    labels, groups = np.asarray(labels), np.asarray(groups)
    kernel, bias = _solve(kind, features, labels, groups, num_classes)
    held_out = left_out_scores(kind, features, labels, groups, num_classes)
    sharpness = _sharpness(held_out, labels, groups)
    bias = np.where(np.isin(np.arange(num_classes), labels), bias, -1e4)
    return (
        (sharpness * kernel).astype("float32"),
        (sharpness * bias).astype("float32"),
    )


def sharpened(scores, labels, groups):
    """Scores of `left_out_scores` as logits, as sure as these make them."""
    labels, groups = np.asarray(labels), np.asarray(groups)
    return _sharpness(scores, labels, groups) * scores


def left_out_scores(kind, features, labels, groups, num_classes):
    """Scores of each video by the classifier of the videos of other groups.

    Args:
        as of `solve`.

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
        rest = features[~inside], labels[~inside], groups[~inside]
        kernel, bias = _solve(kind, *rest, num_classes)
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
    tower, spec = _tower(model)
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


def drawn_features(model, source, indices, test, augmentation, draws, seed):
    """What a network sees in random versions of videos: one crop and mirror of
    each, as in training, and as many snippets as in the test, each of a random
    frame of its part of the video.

    Args:
        model, source, indices, test: as of `features`.
        augmentation: `data.augmentation.Augmentation`.
        draws: int. Versions of each video.
        seed: int. Of the draws.

    Returns:
        As `features`, of all versions.

    Raises:
        As `features`.
    """
    tower, spec = _tower(model)
    # So many snippets as training never takes: TSN's program would take all of
    # them from the beginning of a short video.
    spec = spec.replace(
        num_segments=test.completed(spec).num_segments, sampling="uniform"
    )
    failures = Failures(len(indices) * draws)
    tasks = [(index, draw) for index in indices for draw in range(draws)]

    def read(task):
        index, draw = task
        rng = draw_of(seed, source.videos[index], draw)
        try:
            clip = reader.read_training_clip(
                source, index, spec, augmentation, rng
            )
        except (VideoError, OSError) as error:
            return index, error
        return index, *clip.values()

    found, seen = [], []
    with read_ahead(read, tasks) as clips:
        for index, clip in clips:
            if isinstance(clip, Exception):
                failures.add(source.videos[index], clip)
                continue
            found.append(tower.predict_on_batch(clip[None]).mean(axis=(0, 1)))
            seen.append(index)
    return np.reshape(found, (len(seen), -1)), seen


def _tower(model):
    """The network of features, and its `ClipSpec`."""
    spec = describe(model).clip_spec
    stream = "rgb" if spec.modalities[0].startswith("rgb") else "flow"
    return feature_tower.features_of(model, stream), spec


def fit(model, data):
    """Works out the classifier of a network from the videos to train on, each
    shown as in the test of its recipe, and in as many random versions as that
    says.

    Args:
        model: keras.Model, `TSN` of one stream; its layer `logits` is set.
        data: `training.dataset.Dataset`, with its recipe.

    Raises:
        ValueError, TooManyFailures: as `features`.
    """
    recipe, source = data.recipe, data.source
    kind = recipe.initialization.classifier
    draws = recipe.initialization.draws
    found, seen = features(model, source, data.train, recipe.test)
    if draws:
        more, of = drawn_features(
            model,
            source,
            seen,
            recipe.test,
            recipe.augmentation,
            draws,
            recipe.seed,
        )
        found, seen = np.concatenate([found, more]), [*seen, *of]
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
        "The classifier is computed from %d videos%s: %s.",
        len({*seen}),
        f" and {draws} random versions of each" if draws else "",
        kind,
    )


def _solve(kind, features, labels, groups, num_classes):
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
        directions = _ridge(x, labels, groups, num_classes)
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


def _ridge(x, labels, groups, num_classes):
    """Of the strength whose errors on videos of other groups are the least."""
    wanted = np.equal.outer(labels, np.arange(num_classes)).astype("float64")
    wanted -= wanted.mean(axis=0)
    left, values, right = np.linalg.svd(x, full_matrices=False)
    turned = left.T @ wanted
    rows = [groups == group for group in dict.fromkeys(groups.tolist())]

    def error(strength):
        kept = values**2 / (values**2 + strength)
        total = 0.0
        for inside in rows:
            own = left[inside] * kept
            missing = np.eye(len(own)) - own @ left[inside].T
            # What is wrong of those left out, without solving for each.
            error = wanted[inside] - own @ turned
            total += np.sum(np.linalg.solve(missing, error) ** 2)
        return total

    strength = _STRENGTHS[len(_STRENGTHS) // 2]
    if len(rows) > 1:
        strength = min(_STRENGTHS, key=error)
    return ((values / (values**2 + strength))[:, None] * turned).T @ right


def _sharpness(scores, labels, groups):
    """The factor of the scores that makes the true classes of videos of other
    groups the most probable, and those of one more group, of any class: where
    all are known, no factor would be too large."""
    told = ~np.isnan(scores).any(axis=1)
    if told.sum() < 2:
        return _USUAL_SHARPNESS
    scores, labels = scores[told], labels[told]
    known = np.isfinite(scores)
    mean = np.where(known, scores, 0).sum(axis=1) / known.sum(axis=1)
    own = scores[np.arange(len(labels)), labels]
    count = len(np.unique(groups[told]))
    wanted = (count * own + mean) / (count + 1)

    def loss(power):
        factor = 2**power
        total = scipy.special.logsumexp(factor * scores, axis=1)
        return np.mean(total - factor * wanted)

    found = scipy.optimize.minimize_scalar(
        loss, bounds=_SHARPNESS, method="bounded"
    )
    return float(2**found.x)
