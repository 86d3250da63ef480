import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.multi_flow import MultiFlow
from tests.layer_contract import check_layer
from tests.layers import harness
from tests.layers.temporal_conv_test import numpy_flow
from tests.layers.temporal_conv_test import randomize


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def numpy_module(x, layer):
    """The flows in order of their kernels, beside each other."""
    flows = [numpy_flow(x, flow) for flow in layer.flows]
    return np.concatenate(flows, axis=-1)


def test_contract():
    check_layer(
        MultiFlow,
        {"filters": 3, "kernel_sizes": (3, 5, 7), "factorized": True},
        input_shape=(2, 4, 11, 2),
        expected_output_shape=(2, 4, 5, 9),
        expected_num_trainable_weights=18,
        expected_num_non_trainable_weights=12,
    )


def test_equals_numpy():
    for config in (
        {"kernel_sizes": (9, 3, 4), "downsampling": "stride"},
        {"factorized": True, "pool_size": 3},
        {"kernel_sizes": (5,), "downsampling": None, "batch_norm": False},
    ):
        layer = MultiFlow(3, **config)
        x = images(2, 5, 11, 2)
        layer.build(x.shape)
        expected = numpy_module(x, randomize(layer))
        np.testing.assert_allclose(
            ops.convert_to_numpy(layer(x)), expected, atol=1e-4
        )
        assert layer.compute_output_shape(x.shape) == expected.shape


def test_modules_of_the_paper():
    """25 frames become 12, 6, 3 and 1, whatever takes the steps away, and 1
    channel 2, 4, 8 and 16."""
    for downsampling in ("max_pool", "stride"):
        shape, shapes = (None, 4096, 25, 1), []
        for filters, pool_size in ((1, 2), (2, 2), (4, 2), (8, 3)):
            channels = shape[-1]
            layer = MultiFlow(
                filters, downsampling=downsampling, pool_size=pool_size
            )
            # No values, which would take their time.
            with keras.StatelessScope(initialize_variables=False):
                layer.build(shape)
            shape = layer.compute_output_shape(shape)
            shapes.append(shape[2:])
            kernels = [
                tuple(flow.convolutions[0].kernel.shape) for flow in layer.flows
            ]
            assert kernels == [
                (1, 5, channels, filters),
                (1, 7, channels, filters),
            ]
        assert shapes == [(12, 2), (6, 4), (3, 8), (1, 16)]


def test_sizes_unknown_until_called():
    layer = MultiFlow(2)
    run = harness.without_sizes(layer, images(2, 5, 9, 2))
    randomize(layer)
    for rows, num_steps in ((1, 2), (5, 9)):
        x = images(2, rows, num_steps, 2)
        np.testing.assert_allclose(run(x), numpy_module(x, layer), atol=1e-4)


def test_gradients_arrive():
    layer = MultiFlow(3, factorized=True)
    layer.build((2, 5, 9, 2))
    harness.assert_gradients_arrive(randomize(layer), images(2, 5, 9, 2))


def test_training_moves_the_statistics_of_every_flow():
    layer = MultiFlow(3)
    layer.build((2, 5, 9, 2))
    before = layer.get_weights()
    layer(images(2, 5, 9, 2))
    for value, same in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(value, same)
    layer(images(2, 5, 9, 2), training=True)
    for weight, value in zip(layer.weights, before):
        moved = np.any(ops.convert_to_numpy(weight) != value)
        assert moved == (not weight.trainable), weight.path


def test_weights_survive_a_file(tmp_path):
    path = tmp_path / "flows.keras"
    clip = keras.Input((5, 9, 2))
    model = keras.Model(clip, MultiFlow(3, factorized=True)(clip))
    randomize(model)
    model.save(path)
    x = images(2, 5, 9, 2)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(keras.models.load_model(path)(x)),
        ops.convert_to_numpy(model(x)),
    )


def test_invalid_arguments():
    for config, received in (
        ({"kernel_sizes": ()}, r"kernel_sizes=\(\)"),
        ({"kernel_sizes": 5}, "kernel_sizes=5"),
        ({"kernel_sizes": (5, 4), "factorized": True}, "kernel_size=4"),
        ({"downsampling": "average"}, "downsampling='average'"),
    ):
        with pytest.raises(ValueError, match=f"Received: {received}"):
            MultiFlow(1, **config)


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="expected ndim=4"):
        MultiFlow(1)(np.zeros((2, 25, 1)))
    with pytest.raises(ValueError, match=r"2 steps.*\(2, 4, 1, 1\)"):
        MultiFlow(1)(np.zeros((2, 4, 1, 1)))
