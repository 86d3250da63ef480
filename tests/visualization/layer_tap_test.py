import keras
import numpy as np
import pytest

from keras_vidrec.visualization import layer_tap


def nested():
    inner_input = keras.Input((2,))
    doubled = keras.layers.Rescaling(2, name="double")(inner_input)
    inner = keras.Model(inner_input, doubled, name="flow_tower")
    outer_input = keras.Input((2,))
    x = keras.layers.Rescaling(3, name="triple")(inner(outer_input))
    return keras.Model(outer_input, x)


def test_layers_inside_come_with_the_networks_around_them():
    found = [
        (path, layer.name)
        for path, layer in layer_tap.walk(nested())
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    assert found == [(("flow_tower",), "double"), ((), "triple")]


def test_what_passes_is_seen_and_exchanged():
    model = nested()
    double = model.get_layer("flow_tower").get_layer("double")
    seen = []

    def exchange(layer, inputs, outputs):
        seen.append((layer.name, np.asarray(inputs), np.asarray(outputs)))
        return outputs + 1

    x = np.ones((1, 2), np.float32)
    with layer_tap.tap([double], exchange):
        y = model(x)
    np.testing.assert_array_equal(y, [[9, 9]])
    ((name, inputs, outputs),) = seen
    assert name == "double"
    np.testing.assert_array_equal(inputs, x)
    np.testing.assert_array_equal(outputs, 2 * x)


def test_it_is_over_after_an_error_too():
    model = nested()
    double = model.get_layer("flow_tower").get_layer("double")
    with pytest.raises(ZeroDivisionError):
        with layer_tap.tap([double], lambda *_: 1 / 0):
            model(np.ones((1, 2)))
    np.testing.assert_array_equal(model(np.ones((1, 2))), [[6, 6]])


@pytest.mark.parametrize(
    "path, name, stream",
    [
        (("rgb",), "res5b_relu", "rgb"),
        (("late_fusion", "rgb_diff_tower"), "conv1", "rgb_diff"),
        ((), "warped_flow_res2a", "warped_flow"),
        ((), "flow_res2a", "flow"),
        (("streams",), "conv1", None),
        ((), "flowers", None),
    ],
)
def test_streams_are_told_by_names(path, name, stream):
    layer = keras.layers.Identity(name=name)
    assert layer_tap.stream_of(path, layer) == stream
