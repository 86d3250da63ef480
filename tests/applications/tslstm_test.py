import keras
import numpy as np
import pytest

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.tslstm import TSLSTM
from keras_vidrec.specs import ClipSpec
from tests.applications import feature_networks
from tests.applications import joined_streams
from tests.applications.feature_networks import CLASSES
from tests.applications.feature_networks import SMALL


def small(**arguments):
    return joined_streams.wake(TSLSTM(**{"units": (8,), **SMALL, **arguments}))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(sequence, kernel, recurrent_kernel, bias):
    """Outputs of every step of an LSTM, from a state of zeros."""
    units = len(recurrent_kernel)
    state = output = np.zeros((len(sequence), units))
    outputs = []
    for step in np.moveaxis(sequence, 1, 0):
        gates = step @ kernel + output @ recurrent_kernel + bias
        enter, forget, candidate, leave = np.split(gates, 4, axis=-1)
        state = sigmoid(forget) * state + sigmoid(enter) * np.tanh(candidate)
        output = sigmoid(leave) * np.tanh(state)
        outputs.append(output)
    return np.stack(outputs, axis=1)


@pytest.mark.parametrize("prediction", ["last", "avg"])
def test_equals_numpy(prediction):
    model = small(units=(8, 6), fc_units=10, prediction=prediction)
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    inputs = feature_networks.features()
    frames = np.concatenate([inputs["rgb"], inputs["flow"]], axis=-1)
    pooled = []
    for segment in (1, 2, 3):
        part = frames[:, 8 * segment - 8 : 8 * segment]
        part = feature_networks.normalized(
            part, *weights[f"input_bn_{segment}"]
        )
        kernel, bias = weights[f"fc_{segment}"]
        pooled.append((part @ kernel + bias).max(axis=1))
    x = np.stack(pooled, axis=1)
    for number in (1, 2):
        x = lstm(x, *weights[f"lstm_{number}"])
    if prediction == "last":
        x = x[:, -1:]
    x = feature_networks.normalized(x, *weights["output_bn"])
    kernel, bias = weights["logits"]
    expected = (x @ kernel + bias).mean(axis=1)
    np.testing.assert_allclose(
        joined_streams.call(clip_logits_model(model), inputs),
        expected,
        atol=1e-4,
    )
    np.testing.assert_allclose(
        joined_streams.call(model, inputs),
        joined_streams.softmax(expected),
        atol=1e-4,
    )


def test_parameters_of_the_paper():
    """Table 3, last block, first row: 4096 features, 3 x 8 frames."""
    model = joined_streams.without_values(TSLSTM)
    found = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    norms = 3 * 2 * 4096 + 2 * 512
    assert found == norms + 4 * 512 * (4096 + 512 + 1) + (512 + 1) * 101


def test_order_of_segments_matters_and_inside_it_does_not():
    model = small()
    inputs = feature_networks.features()
    expected = joined_streams.call(model, inputs)
    order = np.arange(25)
    rng = np.random.default_rng(0)
    inside = [rng.permutation(order[k : k + 8]) for k in (0, 8, 16)]
    # The 25th frame is in no segment.
    shuffled = np.concatenate([*inside, [0]])
    same = joined_streams.call(
        model, feature_networks.of_steps(inputs, shuffled)
    )
    np.testing.assert_allclose(same, expected, atol=1e-6)
    other = joined_streams.call(
        model, feature_networks.of_steps(inputs, order[::-1])
    )
    assert np.abs(other - expected).max() > 1e-3


def test_one_segment_has_no_order_without_an_lstm():
    """What the control of the training test rests on."""
    model = small(temporal_segments=1, units=(), temporal_pooling="avg")
    inputs = feature_networks.features()
    np.testing.assert_allclose(
        joined_streams.call(
            model, feature_networks.of_steps(inputs, np.arange(25)[::-1])
        ),
        joined_streams.call(model, inputs),
        atol=1e-6,
    )


def test_state_begins_anew_with_each_clip():
    model = small()
    inputs = feature_networks.features(batch=4)
    once = model.predict(inputs, batch_size=1, verbose=0)
    again = model.predict(inputs, batch_size=4, verbose=0)
    np.testing.assert_allclose(once, again, atol=1e-5)


LAYERS = [
    ({"units": ()}, "segment_pooling flatten output_bn dropout"),
    (
        {"temporal_segments": 1, "temporal_pooling": None, "normalized": ()},
        "streams lstm_1 dropout",
    ),
    (
        {"units": [8, 4], "normalized": ["output"]},
        "streams segment_pooling lstm_1 lstm_2 output_bn dropout",
    ),
    (
        {"prediction": "avg"},
        "lstm_1 output_bn dropout logits consensus predictions",
    ),
]


def test_layers_follow_each_other():
    for arguments, names in LAYERS:
        model = TSLSTM(**{"units": (8,), **SMALL, **arguments})
        found = " ".join(layer.name for layer in model.layers)
        assert names in found


def test_gradients_reach_every_weight():
    model = small(units=(8, 8), fc_units=8, dropout=0.2)
    found = joined_streams.gradients(model, feature_networks.features())
    assert all(found.values()), found


def test_without_top():
    inputs = feature_networks.features()
    assert TSLSTM(False, units=(8,), features=16)(inputs).shape == (3, 8)
    steps = TSLSTM(False, units=(8,), features=16, prediction="avg")
    whole = joined_streams.call(steps, inputs)
    assert whole.shape == (3, 3, 8)
    pooled = TSLSTM(
        False, pooling="max", units=(8,), features=16, prediction="avg"
    )
    pooled.set_weights(steps.get_weights())
    np.testing.assert_allclose(
        joined_streams.call(pooled, inputs), whole.max(axis=1), atol=1e-6
    )


def test_description():
    model = TSLSTM(**SMALL)
    spec = model.get_layer("predictions").clip_spec
    assert spec == ClipSpec(
        modalities=("rgb", "flow"),
        num_segments=25,
        snippet_length=10,
        alignment="centered_late",
        sampling="feature_grid",
        ordered=True,
    )


ERRORS = [
    ({"temporal_pooling": "min"}, "Invalid `temporal_pooling`"),
    ({"prediction": "first"}, "Invalid `prediction`"),
    ({"normalized": ("input", "all")}, "Invalid `normalized`"),
    ({"normalized": "input"}, "Invalid `normalized`"),
    ({"units": 512}, "Invalid `units`. Expected a tuple"),
    ({"units": (0,)}, "Invalid `units`. Expected a positive"),
    ({"fc_units": 0}, "Invalid `fc_units`"),
    (
        {"temporal_segments": 26},
        "at most num_segments=25.*Received: temporal_s",
    ),
    ({"temporal_pooling": None}, "an LSTM processes all segments"),
    (
        {"temporal_pooling": None, "temporal_segments": 1, "units": ()},
        "an LSTM processes all segments",
    ),
    ({"prediction": "avg", "units": ()}, "steps of an LSTM"),
    ({"dropout": 1.0}, "Invalid `dropout`"),
    ({"classes": 0}, "Invalid `classes`"),
    ({"num_segments": 2.5}, "Invalid `num_segments`"),
]


def test_errors():
    for arguments, message in ERRORS:
        with pytest.raises(ValueError, match=message):
            TSLSTM(**arguments)


def test_mixed_precision_has_float32_scores():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = TSLSTM(units=(8,), **SMALL)
    scores = model(feature_networks.features())
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    assert scores.shape == (3, CLASSES)
