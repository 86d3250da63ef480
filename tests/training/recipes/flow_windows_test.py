"""Which flow the networks of the papers see: where stacks lie in training and
in a test, as recipes say it. `tests/data/clips/alignment_test.py` has the
images that these are."""

import keras
import pytest

from keras_vidrec.applications import late_fusion
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.training import network
from keras_vidrec.training import recipes

# By the beginning of the name: alignment and sampling in training, then in a
# test; images in a stack.
SINGLE = {
    "tsn_": (("forward", "tsn_caffe"), ("forward", "tsn_caffe"), 5),
    # Any whole stack; from the first one to the last.
    "two_stream_vgg16_": (("centered", "spread"), ("centered", "spread"), 10),
    "two_stream_vgg_m_2048_": (
        ("centered", "spread"),
        ("centered", "spread"),
        10,
    ),
    "two_stream_resnet50_": (
        ("centered", "spread"),
        ("centered", "spread"),
        10,
    ),
    # t - 9 .. t, tested as features are made: f - 4 .. f + 5.
    "two_stream_resnet101_": (
        ("backward", "spread"),
        ("centered_late", "feature_grid"),
        10,
    ),
    # Any frame, on TSN's grid.
    "two_stream_resnet101_stfn_": (
        ("centered", "tsn_caffe"),
        ("centered", "tsn_caffe"),
        10,
    ),
    "two_stream_inception_v3_": (
        ("centered", "tsn_caffe"),
        ("centered", "tsn_caffe"),
        10,
    ),
}
FLOW = [
    name
    for name in recipes.RECIPES
    if name.startswith(("tsn_flow", "tsn_warped", "two_stream"))
    and "_rgb_" not in name
    and "fusion" not in name
]


def small(name):
    """The network of a recipe with another backbone."""
    recipe = recipes.get(name).with_settings(
        [
            "network.arguments.backbone=tiny",
            "initialization.weights=null",
            "initialization.partial_batch_norm=false",
        ]
    )
    return network.build(recipe, ("jump", "run")), recipe


def test_no_recipe_of_a_single_stream_is_left_out():
    assert len(FLOW) == 6 + 2 * 6
    for begin in SINGLE:
        assert any(name.startswith(begin) for name in FLOW)


@pytest.mark.parametrize("name", FLOW)
def test_flow_of_a_single_stream(name):
    begin = max(filter(name.startswith, SINGLE), key=len)
    in_training, in_test, length = SINGLE[begin]
    model, recipe = small(name)
    spec = describe(model).clip_spec
    assert (spec.alignment, spec.sampling) == in_training
    shown = recipe.test.shown(spec)
    assert (shown.alignment, shown.sampling) == in_test
    assert spec.snippet_length == shown.snippet_length == length
    # The network of frames sees the same moments.
    still = recipes.get(
        name.replace("warped_flow", "rgb").replace("_flow_", "_rgb_")
    )
    assert still.test == recipe.test
    assert still.clip.get("sampling") == recipe.clip.get("sampling")


def test_both_streams_of_ts_lstm_as_one_network():
    """Tested as its streams are, whatever they were trained on."""
    keras.backend.clear_session()
    streams = {}
    for stream in ("rgb", "flow"):
        name = f"two_stream_resnet101_{stream}_ucf101"
        streams[stream], recipe = small(name)
        predictions_layer(streams[stream]).test_protocol = recipe.test
    joint = describe(late_fusion.LateFusion(streams))
    assert joint.test_protocol == recipe.test
    spec = joint.clip_spec
    assert spec.modalities == ("rgb", "flow") and spec.sampling == "spread"
    assert spec.alignment == "centered_late"
