"""Computes classifiers from features in closed form, for datasets with too few
videos to train one.
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

# How each kind of classifier prepares features: whether their mean is
# subtracted, and whether each is divided by its standard deviation.
_PREPARED = types.MappingProxyType(
    {
        "centered_class_means": (True, False),
        "standardized_class_means": (True, True),
        "class_means": (False, False),
        "ridge": (True, False),
    }
)
KINDS = tuple(_PREPARED)

# Strengths of ridge regression on features of length 1. Cross-validation over
# groups selects one; with a single group, the middle one is used.
_STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
# The lower limit of a feature's standard deviation, as a fraction of the mean
# over all features, so that a constant feature is not divided by zero.
_LEAST_DEVIATION = 1e-2
# Range of the factor of scores, as powers of two. Cross-validation over groups
# selects the factor.
_SHARPNESS = (-1, 8)
# The factor when cross-validation is impossible.
_USUAL_SHARPNESS = 8.0


def solve(kind, features, labels, groups, num_classes):
    """Computes the weights of a classifier of videos from their features.

    With `"class_means"` a video gets the class whose mean feature vector has
    the highest cosine similarity to that of the video.
    `"centered_class_means"` first subtracts the mean of all videos;
    `"standardized_class_means"` also divides each feature by its standard
    deviation. `"ridge"` is ridge regression on centered features. All of them
    are linear, so features or scores may be averaged over frames.

    The scores are scaled so that probabilities match the accuracy on videos of
    groups that were left out, plus one more group that may be of any class: if
    all videos of 9 groups and two classes are classified correctly, the
    probability is about 95 %, not 100 %.

    Args:
        kind: str, one of `KINDS`.
        features: float array `(videos, features)`, means over the frames.
        labels: int sequence `(videos,)`.
        groups: sequence of str `(videos,)`.
        num_classes: int. A class without videos is never predicted.

    Returns:
        `(kernel, bias)` of a layer that computes logits: float32 arrays of
        shape `(features, classes)` and `(classes,)`.

    Raises:
        ValueError: if `kind` is not in `KINDS`.
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
    """Scales scores of `left_out_scores` to logits.

    Args:
        scores: float array `(videos, classes)`.
        labels: int sequence `(videos,)`.
        groups: sequence of str `(videos,)`.

    Returns:
        float array `(videos, classes)`.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    return _sharpness(scores, labels, groups) * scores


def left_out_scores(kind, features, labels, groups, num_classes):
    """Scores of each video by a classifier computed from the other groups.

    Args:
        kind, features, labels, groups, num_classes: as for `solve`.

    Returns:
        float array `(videos, classes)`: -inf for classes without videos in
        other groups, NaN for all classes if the video's own class has no
        videos in other groups.
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
    """Features of videos, each averaged over all views of a test.

    Args:
        model: keras.Model, `TSN` of one stream.
        source: `Source` of images.
        indices: sequence of int. The videos.
        test: `TestProtocol`.
        verbose: bool. Whether to show a progress bar. Defaults to `False`.

    Returns:
        Pair of a float32 array `(videos, features)` and the list of indices of
        its videos. Videos that cannot be read are left out.

    Raises:
        ValueError: if the network does not classify single snippets.
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
        reading=test.reading(),
    )
    found, seen = [], []
    for index, clip in clips:
        found.append(tower.predict_on_batch(clip).mean(axis=(0, 1)))
        seen.append(index)
    return np.reshape(found, (len(seen), -1)), seen


def drawn_features(model, source, indices, test, augmentation, draws, seed):
    """Features of random versions of videos.

    A version has a random crop and flip, as in training, and as many snippets
    as in the test, each at a random frame of its part of the video.

    Args:
        model, source, indices, test: as for `features`.
        augmentation: `data.augmentation.Augmentation`.
        draws: int. Number of versions of each video.
        seed: int. Seed of the versions.

    Returns:
        As for `features`, with a row for each version.

    Raises:
        ValueError: as for `features`.
        TooManyFailures: if over 5 % of the versions cannot be read.
    """
    tower, spec = _tower(model)
    # A test has more snippets than training: with TSN's sampling, all of them
    # would be at the beginning of a short video.
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
    """The part of a network that computes features, and its `ClipSpec`."""
    spec = describe(model).clip_spec
    stream = "rgb" if spec.modalities[0].startswith("rgb") else "flow"
    return feature_tower.features_of(model, stream), spec


def fit(model, data):
    """Computes the classifier of a network from the training videos.

    Each video is used as in the recipe's test, and in the number of random
    versions that the recipe sets (`initialization.draws`).

    Args:
        model: keras.Model, `TSN` of one stream. The weights of its layer
            `logits` are set.
        data: `training.dataset.Dataset` with its recipe.

    Raises:
        ValueError: as for `features`.
        TooManyFailures: as for `features` and `drawn_features`.
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


def _solve(
    kind: str,
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    num_classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of a classifier whose scores are close to cosines."""
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
    # A linear layer cannot divide by the length of each feature vector: the
    # mean length is close to it.
    mean_length = max(lengths.mean(), 1e-12)
    kernel = (directions * scale).T / mean_length
    return kernel, -origin @ kernel


def _means(x: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Directions of the class means of `x`, as `(classes, features)`."""
    directions = np.zeros((num_classes, x.shape[1]))
    for label in np.unique(labels):
        mean = x[labels == label].mean(axis=0)
        directions[label] = mean / max(np.linalg.norm(mean), 1e-12)
    return directions


def _ridge(
    x: np.ndarray, labels: np.ndarray, groups: np.ndarray, num_classes: int
) -> np.ndarray:
    """Weights of ridge regression from `x` to classes, `(classes, features)`,
    with the strength that has the smallest error on groups left out."""
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
            # The errors on the group left out follow from those of the
            # regression on all groups, without solving it again.
            error = wanted[inside] - own @ turned
            total += np.sum(np.linalg.solve(missing, error) ** 2)
        return total

    strength = _STRENGTHS[len(_STRENGTHS) // 2]
    if len(rows) > 1:
        strength = min(_STRENGTHS, key=error)
    return ((values / (values**2 + strength))[:, None] * turned).T @ right


def _sharpness(
    scores: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> float:
    """The factor of the scores that maximizes the likelihood of the true
    classes of left-out groups.

    One more group, whose videos may be of any class, is added: without it, the
    factor has no upper limit if all videos are classified correctly.
    """
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
