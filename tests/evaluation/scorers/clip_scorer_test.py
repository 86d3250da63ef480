import numpy as np
import pytest

from keras_vidrec.evaluation.scorers.scorer import ClipScorer
from tests.evaluation.ordered_network import CHUNKS
from tests.evaluation.ordered_network import expected_logits
from tests.evaluation.ordered_network import kernel_of
from tests.evaluation.ordered_network import ordered_network

CLASSES = ("a", "b", "c", "d")


def snippets(number, channels=3, shape=(8, 10)):
    rng = np.random.default_rng(number)
    # Colors differ from snippet to snippet, or no order could be told.
    colors = rng.integers(0, 246, (number, 1, 1, channels))
    return (colors + rng.integers(0, 10, (*shape, 1))).astype("uint8")


@pytest.mark.parametrize(
    "num_segments, num_clips, clips_of_calls",
    [
        (5, 1, [1]),
        (5, 2, [2]),
        (5, 12, [12]),
        (5, 20, [10, 10]),  # 12 at most
        (5, 25, [9, 9, 9]),
        (1, 130, [44, 44, 44]),
        (25, 4, [2, 2]),
        (100, 3, [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("modalities", [("rgb",), ("rgb", "flow")])
def test_clips_are_classified_whole_and_in_order(
    num_segments, num_clips, clips_of_calls, modalities
):
    spec = CHUNKS.replace(modalities=modalities, snippet_length=len(modalities))
    model = ordered_network(CLASSES, clip_spec=spec)
    # In another order than that of the network's inputs.
    clip = {
        m: snippets(num_segments * num_clips, spec.channels(m))
        for m in modalities[::-1]
    }
    colors = np.concatenate(
        [clip[m].mean(axis=(1, 2)) / 255 for m in modalities], axis=-1
    )
    expected = expected_logits(
        colors.reshape(num_clips, num_segments, -1), kernel_of(model)
    )
    clip = clip if len(modalities) > 1 else clip["rgb"]
    scorer = ClipScorer(model, num_segments)
    called = []
    (predict,) = scorer._model._calls

    def recorded(clips):
        images = clips["rgb"] if isinstance(clips, dict) else clips
        assert images.shape[1] == num_segments
        called.append(len(images))
        return predict(clips)

    scorer._model._calls = [recorded]
    found = scorer(clip)
    assert found.shape == (4,) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert called == clips_of_calls


def test_the_order_counts():
    """Or the other tests would prove nothing."""
    model = ordered_network(CLASSES)
    clip = snippets(10)
    right = ClipScorer(model, 5)(clip)
    for wrong in (
        ClipScorer(model, 10)(clip),
        ClipScorer(model, 5)(clip[::-1]),
        ClipScorer(model, 5)(np.roll(clip, 1, axis=0)),
        ClipScorer(model, 5)(
            clip.reshape(2, 5, 8, 10, 3).swapaxes(0, 1).reshape(clip.shape)
        ),
    ):
        assert abs(wrong - right).max() > 5e-3


def test_auxiliary_outputs_are_left_out():
    plain = ordered_network(CLASSES)
    auxiliary = ordered_network(CLASSES, towers=("rgb", "flow"))
    clip = snippets(10)
    np.testing.assert_allclose(
        ClipScorer(auxiliary, 5)(clip), ClipScorer(plain, 5)(clip), rtol=1e-5
    )


def test_frames_of_many_sizes():
    model = ordered_network(CLASSES)
    for shape in ((8, 10), (12, 9), (8, 10)):
        clip = snippets(10, shape=shape)
        colors = clip.mean(axis=(1, 2)).reshape(2, 5, 3) / 255
        np.testing.assert_allclose(
            ClipScorer(model, 5)(clip),
            expected_logits(colors, kernel_of(model)),
            rtol=1e-4,
            atol=1e-4,
        )
