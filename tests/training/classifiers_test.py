"""Classifiers that are worked out: against NumPy, and by a recipe."""

import numpy as np
import pytest
import scipy.special

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.evaluation import evaluator
from keras_vidrec.training import classifiers
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import recipes
from keras_vidrec.training import trainer
from keras_vidrec.training.recipes import initialization

NUM_CLASSES = 3


@pytest.fixture(scope="module")
def seen():
    """Features of 12 videos of two classes of six groups each, labels and
    groups; the third class has none."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 6)
    centers = rng.normal(size=(2, 20))
    features = centers[labels] + 0.8 * rng.normal(size=(12, 20)) + 3
    return features, labels, np.array([f"g{i}" for i in range(12)])


@pytest.mark.parametrize("kind", classifiers.KINDS)
def test_classes_are_found_by_direction(seen, kind):
    features, labels, groups = seen
    kernel, bias = classifiers.solve(
        kind, features, labels, groups, NUM_CLASSES
    )
    assert kernel.shape == (20, NUM_CLASSES) and kernel.dtype == "float32"
    found = (features @ kernel + bias).argmax(axis=1)
    assert (found == labels).all()
    # By hand: cosines with the mean of each class.
    origin = 0 if kind == "class_means" else features.mean(axis=0)
    scale = features.std(axis=0) if kind.startswith("standardized") else 1
    new = np.random.default_rng(1).normal(size=(50, 20)) + 3
    x, z = (features - origin) / scale, (new - origin) / scale
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    if kind == "ridge":
        means = ridge(x, labels, groups)
    else:
        means = np.array([x[labels == label].mean(axis=0) for label in (0, 1)])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
    expected = (z @ means.T).argmax(axis=1)
    np.testing.assert_array_equal(
        (new @ kernel + bias).argmax(axis=1), expected
    )
    assert 0 < expected.sum() < 50


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ridge(x, labels, groups):
    """Of the strength by which videos of other groups are told best, each of
    which is left out by solving anew."""
    wanted = np.eye(2)[labels] - np.eye(2)[labels].mean(axis=0)

    def solved(kept, strength):
        gram = x[kept].T @ x[kept] + strength * np.eye(x.shape[1])
        return np.linalg.solve(gram, x[kept].T @ wanted[kept])

    def error(strength):
        return sum(
            np.sum((x[~kept] @ solved(kept, strength) - wanted[~kept]) ** 2)
            for kept in (groups != group for group in set(groups))
        )

    strengths = classifiers._STRENGTHS
    errors = [error(strength) for strength in strengths]
    best = strengths[int(np.argmin(errors))]
    assert min(errors) < 0.99 * errors[len(errors) // 2] or best == 0.3
    return solved(groups == groups, best).T


def test_a_video_is_judged_by_other_groups_alone(seen):
    features, labels, groups = seen
    groups = groups.copy()
    groups[:6] = "one"  # all that there is of the first class
    scores = classifiers.left_out_scores(
        "class_means", features, labels, groups, NUM_CLASSES
    )
    assert np.isnan(scores[:6]).all()
    assert np.isfinite(scores[6:, :2]).all()
    assert (scores[6:, 2] == -np.inf).all()
    # Nothing of the video itself, or of others of its group, is in it.
    changed = features.copy()
    changed[7] *= -5
    again = classifiers.left_out_scores(
        "class_means", changed, labels, groups, NUM_CLASSES
    )
    assert np.isfinite(again[7, :2]).all()
    rest = [np.delete(values, 7, 0) for values in (features, labels, groups)]
    kernel, _ = classifiers._solve("class_means", *rest, 3)
    np.testing.assert_allclose(again[7, :2], (changed[7] @ kernel)[:2])


def test_sureness_is_that_of_videos_of_other_groups(seen):
    features, labels, groups = seen
    rng = np.random.default_rng(2)
    told = classifiers.solve("class_means", features, labels, groups, 2)[0]
    noise = rng.normal(size=features.shape) + 3
    untold = classifiers.solve("class_means", noise, labels, groups, 2)[0]

    def spread(kernel, x):
        return np.ptp(x @ kernel, axis=1).mean()

    assert spread(told, features) > 4 * spread(untold, noise)


@pytest.mark.parametrize("kind", classifiers.KINDS)
def test_where_all_are_known_it_is_not_quite_sure(kind):
    """Classes so far apart that no factor would be too large."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 4)
    features = np.eye(3)[labels] + 0.01 * rng.normal(size=(12, 3))
    groups = labels * 10 + np.tile([0, 0, 1, 2], 3)  # 9
    for num_classes in (3, 5):  # two of them without a video
        case = features, labels, groups, num_classes
        kernel, bias = classifiers.solve(kind, *case)
        left_out = classifiers.left_out_scores(kind, *case)
        sure = classifiers.sharpened(left_out, labels, groups)
        for logits in (sure, features @ kernel + bias):
            chances = scipy.special.softmax(logits, axis=1)
            own = chances[np.arange(12), labels]
            # About (9 + 1 / 3) of 10 groups.
            assert 0.85 < own.min() and own.max() < 0.98
            np.testing.assert_array_equal(chances.argmax(axis=1), labels)


@pytest.fixture(scope="module")
def recipe():
    return recipes.get("frozen_rgb").with_values(
        {
            "network.arguments.backbone": "tiny",
            "initialization.weights": None,
            "initialization.classifier": "class_means",
            "clip.size": 32,
            "clip.frame.size": "short36",
            "test.num_segments": 2,
        }
    )


@pytest.mark.tensorflow_only
def test_a_recipe_trains_nothing(recipe, small_videos, tmp_path):
    recipe = recipe.with_data(directory=small_videos)
    run = trainer.train(recipe, tmp_path, verbose=0)
    model = run.load_model()
    dense = model.get_layer("logits")
    kernel, bias = dense.get_weights()
    # Means of what passed a ReLU; it started as random numbers around 0.
    assert kernel.min() >= 0 and kernel.max() > 0 and not bias.any()
    assert run.origin.random == ()
    scores = evaluator.evaluate(tmp_path, verbose=False)[1]
    # The same features, seen as in the test, give the same classifier.
    assert scores.scores.shape == (12, 12)
    assert clip_logits_model(model).output.shape[-1] == 12
    repeated = trainer.train(run.recipe, tmp_path / "again", verbose=0)
    for one, other in zip(
        model.get_weights(), repeated.load_model().get_weights()
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.tensorflow_only
def test_random_versions_are_learned_from(recipe, small_videos, tmp_path):
    drawn = {"initialization.draws": 2, "initialization.classifier": "ridge"}
    recipe = recipe.with_values(drawn).with_data(directory=small_videos)
    run = trainer.train(recipe, tmp_path, verbose=0)
    model, data = run.load_model(), datasets.load(recipe)
    kept, labels, groups = data.train, data.source.labels, data.source.groups
    whole, seen = classifiers.features(model, data.source, kept, recipe.test)
    crops, of = classifiers.drawn_features(
        model, data.source, kept, recipe.test, recipe.augmentation, 2, 0
    )
    assert seen == [*kept] and of == [i for i in kept for _ in range(2)]
    # They see as much of the video as its test.
    own = np.einsum(
        "nd,nkd->nk", unit(whole), unit(crops).reshape(len(kept), 2, -1)
    )
    assert np.median(own) > 0.9
    pairs = crops.reshape(len(kept), 2, -1)
    assert (pairs[:, 0] != pairs[:, 1]).any(axis=1).all()
    seen += of
    kernel, bias = classifiers.solve(
        "ridge",
        np.concatenate([whole, crops]),
        [labels[i] for i in seen],
        [groups[i] for i in seen],
        len(data.source.classes),
    )
    dense = model.get_layer("logits")
    for stored, expected in zip(dense.get_weights(), (kernel, bias)):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(stored, expected, 1e-3, 1e-3 * scale)


def test_no_epochs_only_where_nothing_is_to_be_trained(recipe):
    with pytest.raises(ValueError, match="Invalid `schedule.epochs`. Exp"):
        recipe.with_values({"initialization.classifier": "random"})
    with pytest.raises(ValueError, match="`initialization.draws`. Expected 0"):
        recipes.get("finetune_rgb").with_values({"initialization.draws": 1})
    with pytest.raises(ValueError, match="`initialization.classifier`. Exp"):
        recipe.with_values({"initialization.classifier": "nearest"})


def test_recipes_know_all_kinds():
    assert {*initialization.CLASSIFIERS} == {"random", *classifiers.KINDS}
