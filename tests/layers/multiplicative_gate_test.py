import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import MultiplicativeGate
from tests.layer_contract import check_layer
from tests.layers import harness


def streams(shape):
    return list(np.random.default_rng(0).normal(size=(2, *shape)).astype("f"))


@pytest.mark.parametrize("interaction", ["multiply", "add"])
def test_contract(interaction):
    check_layer(
        MultiplicativeGate,
        {"interaction": interaction},
        input_shape=[(2, 5, 5, 3)] * 2,
        expected_output_shape=(2, 5, 5, 3),
        expected_num_trainable_weights=0,
        run_training_check=False,  # cannot feed a list
    )


def test_equals_numpy():
    for shape in [(2, 3), (2, 4, 5, 3), (2, 3, 4, 5, 3)]:
        inputs, gate = streams(shape)
        for interaction, expected in (
            ("multiply", inputs * gate),
            ("add", inputs + gate),
        ):
            found = MultiplicativeGate(interaction)([inputs, gate])
            np.testing.assert_allclose(ops.convert_to_numpy(found), expected)


def test_neutral_gate_changes_nothing():
    for interaction, value in [("multiply", 1), ("add", 0)]:
        inputs, _ = streams((2, 4, 4, 3))
        found = MultiplicativeGate(interaction)(
            [inputs, np.full_like(inputs, value)]
        )
        np.testing.assert_array_equal(ops.convert_to_numpy(found), inputs)


@pytest.mark.parametrize("interaction", ["multiply", "add"])
def test_gradients_are_those_of_the_paper(interaction):
    """Equations 6 and 7 scale each stream by the other; 3 and 4 do not."""
    inputs, gate = streams((2, 4, 4, 3))
    layer = MultiplicativeGate(interaction)
    layer.build([inputs.shape, gate.shape])
    ones = np.ones_like(inputs)
    # The combination that the harness draws, taken where nothing scales it.
    _, (combination, _) = harness.gradients(layer, [inputs, ones])
    _, (of_inputs, of_gate) = harness.gradients(layer, [inputs, gate])
    scale = (gate, inputs) if interaction == "multiply" else (ones, ones)
    for gradient, factor in zip((of_inputs, of_gate), scale):
        np.testing.assert_allclose(gradient, combination * factor, rtol=1e-5)


@pytest.mark.parametrize("interaction", ["multiply", "add"])
def test_sizes_unknown_until_called(interaction):
    act = harness.without_sizes(
        MultiplicativeGate(interaction), streams((2, 4, 4, 3))
    )
    for shape in ((2, 4, 5, 3), (1, 7, 2, 3)):
        inputs, gate = streams(shape)
        expected = inputs + gate if interaction == "add" else inputs * gate
        np.testing.assert_allclose(act([inputs, gate]), expected)


def test_unknown_interaction():
    with pytest.raises(ValueError, match="Received: interaction='divide'"):
        MultiplicativeGate("divide")


def test_nothing_is_broadcast():
    for shapes in [
        [(2, 5, 5, 3), (2, 5, 5, 4)],
        [(2, 5, 5, 3), (2, 1, 1, 3)],
        [(2, 5, 5, 3), (2, 3)],
        [(2, 5, 5, 3)] * 3,
        (2, 5, 5, 3),
    ]:
        with pytest.raises(
            ValueError, match="of the same shape. Received: input_shape"
        ):
            MultiplicativeGate().build(shapes)
        if len(shapes) == 2:
            unknown = [(None,) * (len(shape) - 1) + (3,) for shape in shapes]
            layer = MultiplicativeGate()
            if len(set(unknown)) == 1:
                layer.build(unknown)
            with pytest.raises(ValueError, match="of the same shape"):
                layer([np.zeros(shape) for shape in shapes])
