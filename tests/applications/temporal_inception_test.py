import numpy as np
import pytest

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.temporal_inception import TemporalInception
from keras_vidrec.specs import ClipSpec
from tests.applications import feature_networks
from tests.applications import joined_streams
from tests.applications.feature_networks import SMALL


def small(**arguments):
    model = joined_streams.wake(
        TemporalInception(**{"fc_units": 12, **SMALL, **arguments})
    )
    for layer in model.layers:
        if layer.name.startswith("reduction_to_"):
            # A single channel that never fires would hide all before it.
            layer.normalizations[0].beta.assign([3.0] * layer.filters)
    return model


def convolve(x, kernel):
    """Convolution of (batch, rows, time, channels) along time, as long."""
    size = kernel.shape[1]
    padded = np.pad(x, [(0, 0), (0, 0), ((size - 1) // 2, size // 2), (0, 0)])
    steps = x.shape[2]
    return sum(
        padded[:, :, offset : offset + steps] @ kernel[0, offset]
        for offset in range(size)
    )


def pool(x, size):
    steps = x.shape[2] // size
    x = x[:, :, : steps * size]
    return x.reshape(*x.shape[:2], steps, size, -1).max(axis=3)


def relu(x):
    return np.maximum(x, 0)


def values(layer):
    return [np.array(weight) for weight in layer.get_weights()]


def convolution_block(x, layer):
    """Convolution, batch normalization, ReLU by the weights of a layer."""
    kernel = values(layer.convolutions[0])[0]
    norm = values(layer.normalizations[0])
    return relu(feature_networks.normalized(convolve(x, kernel), *norm))


def head(x, model, prefix=""):
    kernel = values(model.get_layer(f"{prefix}fc"))[0]
    norm = values(model.get_layer(f"{prefix}fc_bn"))
    x = x.reshape(len(x), -1) @ kernel
    return relu(feature_networks.normalized(x, *norm))


def rows(inputs):
    x = np.concatenate([inputs["rgb"], inputs["flow"]], axis=-1)
    return np.moveaxis(x, 1, 2)[..., np.newaxis]


def logits(x, model):
    kernel, bias = values(model.get_layer("logits"))
    return x @ kernel + bias


def check(model, inputs, expected):
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


def test_equals_numpy():
    model = small()
    inputs = feature_networks.features()
    x = rows(inputs)
    for number, size in enumerate((2, 2, 2, 3), 1):
        module = model.get_layer(f"multi_flow_{number}")
        assert module.filters == 2 ** (number - 1)
        x = np.concatenate(
            [pool(convolution_block(x, flow), size) for flow in module.flows],
            axis=-1,
        )
    assert x.shape == (3, 32, 1, 16)
    for filters in (4, 2, 1):
        x = convolution_block(x, model.get_layer(f"reduction_to_{filters}"))
    assert x.shape == (3, 32, 1, 1) and (x > 0).mean() > 0.5
    check(model, inputs, logits(head(x, model), model))


def test_multi_flow_vgg_equals_numpy():
    model = small(variant="multi_flow_vgg")
    inputs = feature_networks.features()
    flows = []
    for flow in (1, 2):
        x = rows(inputs)
        for number, size in enumerate((2, 2, 2, 3), 1):
            layer = model.get_layer(f"flow_{flow}_conv_{number}")
            assert layer.kernel_size == (5, 7)[flow - 1]
            x = pool(convolution_block(x, layer), size)
        flows.append(head(x, model, f"flow_{flow}_"))
    check(model, inputs, logits(np.concatenate(flows, axis=-1), model))


CONNECTED = [
    ({}, (4096, 1, 1)),
    ({"reduction": ()}, (4096, 1, 16)),
    ({"reduction": "max"}, (4096, 1, 1)),
    ({"kernel_sizes": (5,)}, (4096, 1, 1)),
    ({"kernel_sizes": (5,), "reduction": (8, 4)}, (4096, 1, 4)),
    ({"num_layers": 1}, (4096, 12, 1)),
    ({"num_layers": 2, "reduction": (4, 2)}, (4096, 6, 2)),
    ({"num_layers": 5}, (4096, 1, 1)),
    ({"downsampling": "stride"}, (4096, 1, 1)),
    ({"reduction_at": "module", "reduction": "avg"}, (4096, 1, 1)),
    ({"num_segments": 16}, (4096, 1, 1)),
    ({"num_segments": 60}, (4096, 2, 1)),
    ({"streams": ("flow",)}, (2048, 1, 1)),
    ({"variant": "vgg", "num_layers": 2}, (4096, 6, 1)),
]


def test_what_is_connected():
    for arguments, shape in CONNECTED:
        model = joined_streams.without_values(TemporalInception, **arguments)
        [flatten] = [x for x in model.layers if x.name.endswith("flatten")]
        assert flatten.input.shape[1:] == shape, arguments


def test_parameters_of_the_paper():
    model = joined_streams.without_values(TemporalInception)
    found = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    flows = sum(
        (5 + 7) * before * filters + 2 * 2 * filters
        for before, filters in ((1, 1), (2, 2), (4, 4), (8, 8))
    )
    reduction = 16 * 4 + 4 * 2 + 2 * 1 + 2 * (4 + 2 + 1)
    connected = 4096 * 1024 + 2 * 1024 + (1024 + 1) * 101
    assert found == flows + reduction + connected


def test_means_and_maxima_of_channels():
    inputs = feature_networks.features()
    whole = small(reduction=(), fc_units=None, include_top=False)
    channels = joined_streams.call(whole, inputs).reshape(3, 32, 16)
    for reduction, reduce in (("avg", np.mean), ("max", np.max)):
        model = small(reduction=reduction, fc_units=None, include_top=False)
        model.set_weights(whole.get_weights())
        np.testing.assert_allclose(
            joined_streams.call(model, inputs),
            reduce(channels, axis=-1),
            atol=1e-5,
        )


def test_order_matters():
    model = small()
    inputs = feature_networks.features()
    backwards = feature_networks.of_steps(inputs, np.arange(25)[::-1])
    difference = joined_streams.call(model, backwards) - joined_streams.call(
        model, inputs
    )
    assert np.abs(difference).max() > 1e-3


def test_gradients_reach_every_weight():
    inputs = feature_networks.features(batch=8)
    for arguments in ({}, {"variant": "multi_flow_vgg", "num_layers": 2}):
        model = small(dropout=0.0, **arguments)
        found = joined_streams.gradients(model, inputs)
        dead = [path for path, largest in found.items() if not largest]
        assert not dead


def test_description():
    spec = TemporalInception(**SMALL).get_layer("predictions").clip_spec
    assert spec == ClipSpec(
        modalities=("rgb", "flow"),
        num_segments=25,
        snippet_length=10,
        alignment="centered_late",
        sampling="feature_grid",
        ordered=True,
    )


ERRORS = [
    ({"variant": "resnet"}, "Invalid `variant`"),
    ({"downsampling": None}, "Invalid `downsampling`"),
    ({"reduction": "sum"}, "Invalid `reduction`"),
    ({"reduction": (4, 0)}, "Invalid `reduction`"),
    ({"reduction_at": "start"}, "Invalid `reduction_at`"),
    ({"kernel_sizes": ()}, "Invalid `kernel_sizes`"),
    ({"kernel_sizes": 5}, "Invalid `kernel_sizes`"),
    ({"num_layers": 0}, "Invalid `num_layers`"),
    ({"fc_units": 0}, "Invalid `fc_units`"),
    (
        {"kernel_sizes": (4,), "factorized": True},
        "an odd integer of at least 3",
    ),
]


def test_errors():
    for arguments, message in ERRORS:
        with pytest.raises(ValueError, match=message):
            TemporalInception(**{**SMALL, **arguments})
