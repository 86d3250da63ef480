import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.evaluation.scorers.scorer import SnippetScorer
from keras_vidrec.specs import ClipSpec
from tests.evaluation.mean_color_network import kernel_and_bias
from tests.evaluation.mean_color_network import mean_color_network


def snippets(number, channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (number, 32, 32, channels), "uint8")


@pytest.mark.parametrize("consensus", ["avg", "weighted"])
def test_mean_of_the_logits_of_each_snippet_alone(consensus):
    num_segments = 3 if consensus == "weighted" else None
    model = TSN(
        classes=4,
        backbone="tiny",
        consensus=consensus,
        num_segments=num_segments,
    )
    logits = model.get_layer("logits")
    rng = np.random.default_rng(1)
    logits.set_weights([rng.normal(size=w.shape) for w in logits.weights])
    if num_segments:  # which the protocol leaves out
        weights = np.array([5.0, 0.0, -1.0])
        model.get_layer("consensus").set_weights([weights])
    clip = snippets(7)  # 3 does not divide it
    expected = []
    for snippet in clip:
        x = keras.ops.convert_to_tensor(snippet[None])
        for name in ("preprocessing", "rgb", "logits"):
            x = model.get_layer(name)(x, training=False)
        expected.append(keras.ops.convert_to_numpy(x)[0])
    found = SnippetScorer(model)(clip)
    assert found.shape == (4,) and found.dtype == np.float32
    np.testing.assert_allclose(
        found, np.mean(expected, axis=0), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    "num_segments, calls, most", [(None, 4, 252), (3, 4, 252), (7, 4, 252)]
)
def test_a_video_is_few_calls_of_the_device(num_segments, calls, most):
    """25 snippets of ten crops, which are not classified twice."""
    model = mean_color_network(classes=4, num_segments=num_segments)
    scorer = SnippetScorer(model)
    seen = []
    (predict,) = scorer._model._calls
    scorer._model._calls = [
        lambda clip: (seen.append(clip.shape[:2]), predict(clip))[1]
    ]
    scorer(snippets(250))
    assert len(seen) == calls and len({*seen}) == 1
    assert sum(clips * segments for clips, segments in seen) <= most


@pytest.mark.parametrize(
    "num_segments, number", [(None, 1), (None, 150), (3, 1), (3, 6), (7, 250)]
)
@pytest.mark.parametrize("modalities", [("rgb",), ("rgb", "flow")])
def test_every_snippet_counts_once(num_segments, number, modalities):
    spec = ClipSpec(modalities=modalities, snippet_length=len(modalities))
    model = mean_color_network(
        classes=4, num_segments=num_segments, clip_spec=spec, consensus="max"
    )
    # In another order than that of the network's inputs.
    clip = {m: snippets(number, spec.channels(m)) for m in modalities[::-1]}
    colors = [clip[m].mean(axis=(0, 1, 2)) / 255 for m in modalities]
    kernel, bias = kernel_and_bias(model)
    expected = np.concatenate(colors) @ kernel + bias
    clip = clip if len(modalities) > 1 else clip["rgb"]
    np.testing.assert_allclose(SnippetScorer(model)(clip), expected, rtol=1e-4)
