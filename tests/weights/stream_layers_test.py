import pytest

from keras_vidrec.weights.stream_layers import in_stream
from keras_vidrec.weights.stream_layers import stream_layer


@pytest.mark.parametrize(
    "path, expected",
    [
        ("rgb_tower/conv1", ("rgb", "conv1")),
        ("flow_tower/res2a_branch2a", ("flow", "res2a_branch2a")),
        ("rgb_from_relu3/fc6", ("rgb", "fc6")),
        ("spatiotemporal_from_relu5/fc6", ("rgb", "fc6")),
        ("temporal_from_relu5/fc7", ("flow", "fc7")),
        ("spatiotemporal_logits", ("rgb", "logits")),
        ("temporal_logits", ("flow", "logits")),
        ("rgb_res5c_branch2c", ("rgb", "res5c_branch2c")),
        ("warped_flow_logits", ("warped_flow", "logits")),
        ("rgb_diff_tower/conv1", ("rgb_diff", "conv1")),
        ("rgb_tower/rgb/conv1", ("rgb", "conv1")),
        ("flow_tower/logits", ("flow", "logits")),
        ("fusion_relu5", None),
        ("logits", None),
        ("other_tower/conv1", None),
    ],
)
def test_where_a_layer_comes_from(path, expected):
    assert stream_layer(path) == expected


@pytest.mark.parametrize(
    "path, expected",
    [
        ("rgb/conv1", "conv1"),
        ("rgb_diff_tower/inner/conv1", "inner/conv1"),
        ("inner/conv1", "inner/conv1"),
        ("logits", "logits"),
    ],
)
def test_the_name_in_a_tower(path, expected):
    assert in_stream(path) == expected
