import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.applications.parts.head import snippet_logits_model
from keras_vidrec.layers import ClassScores
from keras_vidrec.layers import ScoreFusion
from tests.applications.joined_streams import call


def test_names_of_the_head_are_fixed():
    model = TSN(backbone="tiny", classes=2)
    assert [layer.name for layer in model.layers[-4:]] == [
        "dropout",
        "logits",
        "consensus",
        "predictions",
    ]


def test_surgery_shares_the_weights():
    model = TSN(backbone="tiny", classes=2)
    for part in (clip_logits_model(model), snippet_logits_model(model)):
        assert {id(w) for w in part.weights} == {id(w) for w in model.weights}


@pytest.mark.parametrize(
    "function",
    [
        keras_vidrec.describe,
        clip_logits_model,
        inference_model,
        snippet_logits_model,
    ],
)
def test_foreign_models_are_refused(function):
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2)(x), name="mine")
    with pytest.raises(ValueError, match="Received: model='mine'"):
        function(model)


def two_streams(auxiliary):
    inputs, scores = {}, {}
    for stream in ("rgb", "flow"):
        inputs[stream] = keras.Input((4,), name=stream)
        scores[stream] = keras.layers.Dense(3, name=f"{stream}_logits")(
            inputs[stream]
        )
    joint = ScoreFusion((1, 1), name="score_fusion")(list(scores.values()))
    outputs = ClassScores(name="predictions")(joint)
    if auxiliary:
        outputs = {"predictions": outputs}
        for stream, logits in scores.items():
            layer = ClassScores(name=f"{stream}_predictions")
            outputs[stream] = layer(logits)
    return keras.Model(inputs, outputs, name="mine")


def test_every_output_of_several_has_logits(tmp_path):
    model = two_streams(auxiliary=True)
    model.save(tmp_path / "model.keras")
    rng = np.random.default_rng(0)
    clips = {s: rng.normal(size=(2, 4)) for s in ("rgb", "flow")}
    expected = {
        stream: clips[stream] @ layer.get_weights()[0]
        for stream in clips
        for layer in [model.get_layer(f"{stream}_logits")]
    }
    expected["predictions"] = sum(expected.values()) / 2
    for network in (model, keras.models.load_model(tmp_path / "model.keras")):
        found = call(clip_logits_model(network), clips)
        assert found.keys() == expected.keys()
        for key, logits in expected.items():
            np.testing.assert_allclose(found[key], logits, atol=1e-5)


def test_the_network_for_inference(tmp_path):
    alone, model = two_streams(auxiliary=False), two_streams(auxiliary=True)
    assert inference_model(alone) is alone
    network = keras_vidrec.training.inference_model(model)
    assert network.name == "mine" and set(network.input) == {"rgb", "flow"}
    assert {id(w) for w in network.weights} == {id(w) for w in model.weights}
    assert network.get_layer("predictions") is model.get_layer("predictions")
    alone.set_weights(model.get_weights())
    network.save(tmp_path / "model.keras")
    clips = {s: np.eye(4)[:2] for s in ("rgb", "flow")}
    for found in (network, keras.models.load_model(tmp_path / "model.keras")):
        np.testing.assert_allclose(
            call(found, clips),
            call(alone, clips),
            atol=1e-6,
        )


def test_a_network_of_whole_clips_has_no_scores_of_snippets():
    with pytest.raises(ValueError, match="'mine', which classifies whole"):
        snippet_logits_model(two_streams(auxiliary=False))


def test_an_output_that_is_no_class_scores():
    model = two_streams(auxiliary=True)
    outputs = {**model.output, "features": model.get_layer("rgb_logits").output}
    with pytest.raises(ValueError, match="output 'features' without"):
        clip_logits_model(keras.Model(model.input, outputs))
