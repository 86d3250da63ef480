import numpy as np
import pytest

from keras_vidrec.data import mixing
from keras_vidrec.data import pipeline
from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import ColorJitter
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.augmentation import CutMix
from keras_vidrec.data.augmentation import Flip
from keras_vidrec.data.augmentation import MixUp
from keras_vidrec.specs import ClipSpec
from tests.data.memory_source import MemorySource

SPEC = ClipSpec(("rgb", "flow"), num_segments=2, snippet_length=2, size=16)
PLAIN = (Crop(), Flip())
MIXED = (*PLAIN, MixUp(1.0))


def batches(steps, number=4, batch_size=4, **arguments):
    dataset = pipeline.make(
        MemorySource(),
        SPEC,
        range(8),
        training=True,
        batch_size=batch_size,
        augmentation=Augmentation(steps),
        **arguments,
    )
    return [*dataset.take(number).as_numpy_iterator()]


def streams(taken):
    """`(clips of each stream, labels)` of all batches together."""
    clips = {
        name: np.concatenate([inputs[name] for inputs, _ in taken])
        for name in SPEC.modalities
    }
    return clips, np.concatenate([labels for _, labels in taken])


def test_clips_and_labels_are_blended_by_the_same_share():
    plain, numbers = streams(batches(PLAIN))
    mixed, shares = streams(batches(MIXED))
    assert shares.dtype == np.float32 and shares.shape == (16, 2)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    neighbor = np.arange(16) ^ 1
    told = numbers != numbers[neighbor]
    assert told.any()
    own = shares[np.arange(16), numbers]
    assert 2 * len(np.unique(own[told].round(6))) == told.sum()
    for name in SPEC.modalities:
        clips = plain[name].astype(float)
        for at in np.flatnonzero(told):
            blended = own[at] * clips[at] + (1 - own[at]) * clips[neighbor[at]]
            np.testing.assert_allclose(mixed[name][at], blended, atol=0.51)
    # Both of a pair have the same share of themselves.
    np.testing.assert_allclose(own, own[neighbor], atol=1e-6)


def test_windows_are_cut_out_of_all_streams_alike():
    plain, numbers = streams(batches(PLAIN))
    mixed, shares = streams(batches((*PLAIN, CutMix())))
    neighbor = np.arange(16) ^ 1
    seen = 0
    for at in np.flatnonzero(numbers != numbers[neighbor]):
        window = 1 - shares[at, numbers[at]]
        for name in SPEC.modalities:
            clip, own = mixed[name][at], plain[name][at]
            other = plain[name][neighbor[at]]
            is_other = (clip == other).all(axis=(0, 3))
            assert (is_other | (clip == own).all(axis=(0, 3))).all()
            differ = (own != other).any(axis=(0, 3))
            assert abs((is_other & differ).sum() - window * 256) <= (
                256 - differ.sum()
            )
        seen += 0.05 < window < 0.95
    assert seen


def test_draws_are_a_function_of_seed_epoch_and_position():
    whole, labels = streams(batches(MIXED, 8, seed=3))
    begun = batches(MIXED, 5, seed=3, initial_epoch=1, initial_step=1)
    for name, clips in streams(begun)[0].items():
        np.testing.assert_array_equal(clips, whole[name][12:])
    np.testing.assert_array_equal(streams(begun)[1], labels[12:])
    # Two workers, and batches of another size.
    parts = [batches(MIXED, 4, seed=3, shard=(worker, 2)) for worker in (0, 1)]
    for number, pair in enumerate(zip(*parts)):
        for name in SPEC.modalities:
            both = np.concatenate([inputs[name] for inputs, _ in pair])
            at = slice(4 * number, 4 * number + 4)
            np.testing.assert_array_equal(both, whole[name][at])
    again, _ = streams(batches(MIXED, 2, batch_size=8, seed=3))
    np.testing.assert_array_equal(again["rgb"], whole["rgb"][:16])
    assert (streams(batches(MIXED, 8, seed=4))[1] != labels).any()


def test_shares_of_several_labels_are_blended_too():
    steps = Augmentation((Crop(), MixUp(1.0)))
    several = np.float32([[1, 1, 0], [0, 1, 1]])
    clips = [np.zeros((2, 1, 4, 4, 3), np.uint8)]
    _, mixed = steps.mix(clips, several, [np.random.default_rng(0)])
    share = mixed[0, 0]
    assert 0 < share < 1
    expected = [[share, 1, 1 - share], [1 - share, 1, share]]
    np.testing.assert_allclose(mixed, expected, atol=1e-6)


def test_features_are_blended_and_nothing_else():
    steps = Augmentation((Crop(), Flip(), MixUp(1.0)))
    steps.check_features()
    clips = [np.random.default_rng(0).random((2, 5, 7), np.float32)]
    (mixed,), shares = steps.mix(clips, np.eye(2), [np.random.default_rng(1)])
    (one, two), share = clips[0], shares[0, 0]
    np.testing.assert_allclose(mixed[0], share * one + (1 - share) * two, 1e-5)
    for step, name in ((ColorJitter(), "color_jitter"), (CutMix(), "cutmix")):
        with pytest.raises(ValueError, match=f"for features.*'{name}'"):
            Augmentation((Crop(), step)).check_features()


@pytest.mark.parametrize(
    "batch_size, workers, message",
    [
        (3, 1, "even number of clips: mixup mixes.*batch_size=3"),
        (1, 1, "batch_size=1"),
        (6, 2, "for each of 2 workers: .*batch_size=6"),
    ],
)
def test_a_clip_without_neighbor(batch_size, workers, message):
    mixing.check(Augmentation(PLAIN), batch_size, workers)
    with pytest.raises(ValueError, match=message):
        batches(MIXED, batch_size=batch_size, shard=(0, workers))
