import re

import keras
import numpy as np
import pytest

from keras_vidrec.applications import STFN
from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.training.optimizers import multipliers
from keras_vidrec.weights.towers import layers_by_path

STREAMS = {"backbone": "tiny"}


def factor(patterns, variable):
    found = [n for p, n in patterns.items() if re.search(p, variable.path)]
    return np.prod(found or [1])


def multiplied(model, role):
    """Paths of the layers with a weight that has the role."""
    patterns = multipliers.by_pattern(model, {role: 3})
    return {
        path
        for path, layer in layers_by_path(model).items()
        if any(factor(patterns, weight) == 3 for weight in layer.weights)
    }


@pytest.mark.large_on_jax
def test_multipliers_of_the_prototxt_of_tsn():
    """`lr_mult` and `decay_mult` of tsn_bn_inception_flow_train_val."""
    model = TSN(backbone="bn_inception", modality="flow", classes=2)
    rates = multipliers.by_pattern(model, {"first_convolution": 5, "bias": 2})
    decays = multipliers.by_pattern(model, {"bias": 0, "gamma": 0, "beta": 0})
    found = {"first": [], "convolutions": [], "batch_norm": [], "logits": []}
    for path, layer in layers_by_path(model).items():
        kind = "convolutions"
        if path == "flow/conv1_7x7_s2":
            kind = "first"
        elif isinstance(layer, keras.layers.BatchNormalization):
            kind = "batch_norm"
        elif path == "logits":
            kind = "logits"
        found[kind].append(
            [
                (factor(rates, weight), factor(decays, weight))
                for weight in layer.trainable_weights
            ]
        )
    assert found == {
        "first": [[(5, 1), (10, 0)]],
        "convolutions": [[(1, 1), (2, 0)]] * 68,
        "batch_norm": [[(1, 0), (1, 0)]] * 69,
        "logits": [[(1, 1), (2, 0)]],
    }


@pytest.mark.parametrize(
    "builder, arguments, first, head",
    [
        (TSN, {"backbone": "tiny"}, {"rgb/conv1"}, {"logits"}),
        (
            TwoStreamConvNet,
            {"backbone": "tiny"},
            {"rgb_tower/rgb/conv1", "flow_tower/flow/conv1"},
            {"rgb_tower/logits", "flow_tower/logits"},
        ),
        (
            TwoStreamFusion,
            {"backbone": "tiny"},
            {"rgb_tower/conv1", "flow_tower/conv1"},
            {"fusion_relu5", "spatiotemporal_logits", "temporal_logits"},
        ),
        (
            SpatiotemporalMultiplier,
            {"backbone": "tiny"},
            {"rgb_conv1", "flow_conv1"},
            {"rgb_logits", "flow_logits"},
        ),
        (
            STFN,
            STREAMS,
            {"rgb_tower/conv1", "flow_tower/conv1"},
            {
                f"{stream}_{layer}"
                for stream in ("rgb", "flow")
                for layer in ("res_inc_1", "res_inc_2", "logits")
            },
        ),
    ],
)
def test_layers_of_networks(builder, arguments, first, head):
    model = builder(classes=2, **arguments)
    assert multiplied(model, "first_convolution") == first
    assert multiplied(model, "head") == head


def test_a_network_over_features_is_all_head():
    model = TSLSTM(classes=2)
    assert multiplied(model, "head") == set(layers_by_path(model))
    with pytest.raises(ValueError, match="first_convolution.*'ts_lstm'"):
        multipliers.by_pattern(model, {"first_convolution": 5})


def test_a_tower_alone_has_no_head():
    tower = TSN(backbone="tiny", classes=2).get_layer("rgb")
    assert multiplied(tower, "first_convolution") == {"conv1"}
    with pytest.raises(ValueError, match="head.*'rgb'"):
        multipliers.by_pattern(tower, {"head": 10})


def test_biases_and_normalizations_may_be_missing():
    inputs = keras.Input((2,))
    layer = keras.layers.Dense(2, use_bias=False, name="logits")
    model = keras.Model(inputs, layer(inputs))
    roles = dict.fromkeys(("bias", "gamma", "beta"), 0)
    patterns = multipliers.by_pattern(model, roles)
    assert [factor(patterns, weight) for weight in model.weights] == [1]
    # Not what merely sounds alike.
    assert not any(re.search(p, "no_bias/kernel") for p in patterns)
    assert not any(re.search(p, "bias/no_bias") for p in patterns)


def test_another_layer_of_the_same_name():
    """Variables have no path through nested models."""
    towers = {}
    for stream, names in (("rgb", ("a", "b")), ("flow", ("b", "a"))):
        inputs = x = keras.Input((4, 4, 2))
        for name in names:
            x = keras.layers.Conv2D(2, 1, name=name)(x)
        towers[stream] = keras.Model(inputs, x, name=f"{stream}_tower")
    inputs = {stream: keras.Input((4, 4, 2), name=stream) for stream in towers}
    maps = [towers[stream](inputs[stream]) for stream in towers]
    model = keras.Model(inputs, keras.layers.Add()(maps), name="crossed")
    with pytest.raises(
        ValueError, match="first_convolution.*'crossed'.*'[ab]/"
    ):
        multipliers.by_pattern(model, {"first_convolution": 5})


def test_rates_that_fall_with_the_depth():
    """Twelve groups at most; the head keeps its rate, what normalizes has that
    of its convolution, and each tower begins anew."""
    model = TSN(backbone="tiny", classes=2)
    rates = multipliers.by_depth(model, 0.5)
    found = [
        (path, {factor(rates, weight) for weight in layer.weights})
        for path, layer in layers_by_path(model).items()
    ]
    depths = []
    for path, (rate,) in found:
        if path == "logits":
            assert rate == 1
        else:
            depths.append(-np.log2(rate))
    assert sorted(depths, reverse=True) == depths
    assert {*depths} == {*range(1, 13)} or len({*depths}) < 12
    assert depths[0] == depths[1] == len({*depths}) and depths[-1] == 1
    assert multipliers.by_depth(model, None) == {}
    two = TwoStreamFusion(classes=2, **STREAMS)
    rates = multipliers.by_depth(two, 0.5)
    lowest = {"rgb": 1.0, "flow": 1.0}
    for path, layer in layers_by_path(two).items():
        for stream in lowest:
            if path.startswith(f"{stream}_tower/"):
                lowest[stream] = min(
                    lowest[stream],
                    *(factor(rates, weight) for weight in layer.weights),
                )
    assert lowest["rgb"] == lowest["flow"] < 0.01
    features = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    features.layers[0].name = "logits"
    with pytest.raises(ValueError, match="without towers"):
        multipliers.by_depth(features, 0.5)
