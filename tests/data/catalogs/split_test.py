import collections

import numpy as np
import pytest

from keras_vidrec.data.catalogs import split
from keras_vidrec.data.catalogs.split import Split


def dataset(rng):
    """Random classes of 1 to 12 groups of 1 to 6 clips."""
    labels, groups = [], []
    for label in range(8):
        for group in range(rng.integers(1, 13)):
            for _ in range(rng.integers(1, 7)):
                labels.append(label)
                groups.append(f"{label}/{group}")
    order = rng.permutation(len(labels))
    return [labels[i] for i in order], [groups[i] for i in order]


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_split_groups(fraction):
    rng = np.random.default_rng(0)
    for seed in range(30):
        labels, groups = dataset(rng)
        result = split.split_groups(labels, groups, fraction, seed)
        assert sorted(result.train + result.test) == list(range(len(labels)))
        assert list(result.test) == sorted(result.test)
        split.check_disjoint({1: result}, range(len(labels)), groups)
        for label in set(labels):
            sizes = collections.Counter(
                group for x, group in zip(labels, groups) if x == label
            )
            held = {groups[i] for i in result.test if labels[i] == label}
            if len(sizes) == 1:
                assert not held
                continue
            assert 1 <= len(held) < len(sizes)
            # No further from the share than one group makes unavoidable.
            count = sum(sizes[group] for group in held)
            target = fraction * sum(sizes.values())
            assert abs(count - target) <= max(sizes.values())


def test_split_depends_on_names_and_seed_alone():
    labels, groups = dataset(np.random.default_rng(1))
    result = split.split_groups(labels, groups, 0.25, 3)
    held = {groups[i] for i in result.test}
    backwards = split.split_groups(labels[::-1], groups[::-1], 0.25, 3)
    assert {groups[::-1][i] for i in backwards.test} == held
    other = split.split_groups(labels, groups, 0.25, 4)
    assert {groups[i] for i in other.test} != held


def test_split_is_the_same_everywhere():
    labels, groups = [0] * 8, list("abcdefgh")
    results = [
        split.split_groups(labels, groups, 0.25, seed).test for seed in range(3)
    ]
    # Recorded: datasets split by an earlier release must stay comparable.
    assert results == [(5, 7), (3, 6), (2, 7)]


def test_groups_of_several_classes():
    # Actors who show every action.
    labels = [0, 1, 2] * 8
    groups = [f"actor{i // 3}" for i in range(24)]
    result = split.split_groups(labels, groups, 0.25, 0)
    assert len(result.test) == 6
    split.check_disjoint({1: result}, range(24), groups)
    # Any two of these three groups would empty a class.
    labels, groups = [0, 0, 1, 1, 2, 2], ["a", "b", "b", "c", "c", "a"]
    result = split.split_groups(labels, groups, 0.25, 0)
    assert len({groups[i] for i in result.test}) == 1
    assert {labels[i] for i in result.train} == {0, 1, 2}


def test_smallest_group_if_none_fits():
    labels = [0] * 12
    groups = ["a"] * 5 + ["b"] * 3 + ["c"] * 4
    result = split.split_groups(labels, groups, 0.05, 0)
    assert {groups[i] for i in result.test} == {"b"}


@pytest.mark.parametrize("fraction", [0, 1, -0.5])
def test_invalid_fraction(fraction):
    with pytest.raises(ValueError, match=f"Received: fraction={fraction}"):
        split.split_groups([0], ["a"], fraction, 0)


def test_check_disjoint():
    splits = {1: Split((0, 1), (2,)), 2: Split((0,), (1, 2))}
    split.check_disjoint(splits, "abc")
    split.check_disjoint({1: splits[1]}, "abc", ["g", "g", "h"])
    with pytest.raises(
        ValueError, match=r"Split 2 shares a group .* Received: 'g'$"
    ):
        split.check_disjoint(splits, "abc", ["g", "g", "h"])
    with pytest.raises(
        ValueError, match=r"Split x shares a video .* Received: 'b' \(2 in all"
    ):
        split.check_disjoint({"x": Split((0, 1, 2), (2, 1))}, "abc")
