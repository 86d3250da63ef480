"""Every network in mixed precision, from the first step to the saved file."""

import keras
import numpy as np
import pytest

from keras_vidrec import applications
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer
from tests.applications.joined_streams import call

CLASSES = 3
SMALL = {"classes": CLASSES}
CHUNKS = {**SMALL, "backbone": "tiny", "num_segments": 2, "snippet_length": 1}
FEATURES = {**SMALL, "features": 8}
NETWORKS = {
    "TSN": {**SMALL, "backbone": "tiny", "num_segments": 2},
    "TwoStreamFusion": CHUNKS,
    "SpatiotemporalMultiplier": CHUNKS,
    "STResNet": CHUNKS,
    "TwoStreamConvNet": {**SMALL, "backbone": "tiny", "snippet_length": 1},
    "TSLSTM": {**FEATURES, "num_segments": 6, "units": (4,)},
    "TemporalInception": FEATURES,
    "STFN": FEATURES,
}


# Pixels of the one, features of the other.
QUICK = {("TSN", "mixed_float16"), ("TSLSTM", "mixed_bfloat16")}


def test_no_network_is_left_out():
    assert set(NETWORKS) == set(table.BUILDERS)


def inputs_of(model):
    rng = np.random.default_rng(0)
    inputs = {}
    for tensor in model.inputs:
        shape = [size or 32 for size in tensor.shape[1:]]
        if len(shape) == 4 and tensor.shape[1] is None:
            shape[0] = 2
        pixels = tensor.dtype == "uint8"
        inputs[tensor.name] = (
            rng.integers(0, 256, (4, *shape), "uint8")
            if pixels
            else rng.gamma(1.0, size=(4, *shape)).astype("float32")
        )
    return inputs if isinstance(model.input, dict) else inputs.popitem()[1]


@pytest.mark.parametrize(
    "name, policy",
    [
        pytest.param(
            name,
            policy,
            marks=() if (name, policy) in QUICK else pytest.mark.large,
        )
        for name in NETWORKS
        for policy in ("mixed_bfloat16", "mixed_float16")
    ],
)
def test_a_step_and_the_saved_network(name, policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    model = getattr(applications, name)(**NETWORKS[name])
    inputs = inputs_of(model)
    trained = clip_logits_model(model)
    for outputs in (model.output, trained.output):
        assert {t.dtype for t in keras.tree.flatten(outputs)} == {"float32"}
    # A loss scale of 2**15 is what a step in float16 must bear.
    section = Optimizer(batch_size=4, learning_rate=0.01, clip_norm=10.0)
    losses.compile_logits(
        trained, optimizers.build(section, Schedule(epochs=1), 1, model)
    )
    # The other precision of each is compiled, with the large ones.
    trained.run_eagerly = (name, policy) in QUICK
    assert {w.dtype for w in trained.trainable_variables} == {"float32"}
    before = trained.get_weights()
    loss = trained.train_on_batch(inputs, np.arange(4) % CLASSES)[0]
    assert np.isfinite(loss)
    after = trained.get_weights()
    assert all(np.isfinite(values).all() for values in after)
    moved = [not np.array_equal(a, b) for a, b in zip(before, after)]
    assert any(moved)
    model_file.save(model, tmp_path / "model.keras")
    expected = call(model, inputs)

    keras.config.set_dtype_policy("float32")
    loaded = model_file.load(tmp_path / "model.keras")
    half = policy.removeprefix("mixed_")
    assert half in {layer.compute_dtype for layer in loaded.layers}
    scores = call(loaded, inputs)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=2e-2)
    np.testing.assert_allclose(scores.sum(axis=-1), 1, atol=1e-5)
