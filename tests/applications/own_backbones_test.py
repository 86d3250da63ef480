"""A user's own networks as backbones, in every application."""

import keras
import numpy as np
import pytest

from keras_vidrec import applications
from tests.applications import joined_streams

NUM_SEGMENTS, CLASSES = 3, 3
LAYERS = {"rgb": "conv_pw_5_relu", "flow": "middle"}


def mobile_net(**arguments):
    return keras.applications.MobileNet(weights=None, **arguments)


@pytest.fixture(scope="module")
def own():
    """Of rgb by `keras.applications`, and of stacks of 10 flow images."""
    motion = keras.Input((32, 32, 20))
    x = motion
    for filters, strides, name in (
        (32, 4, "first"),
        (256, 2, "middle"),
        (16, 2, "last"),
    ):
        x = keras.layers.Conv2D(
            filters, 3, strides, "same", activation="relu", name=name
        )(x)
    whole = mobile_net(include_top=False, input_shape=(32, 32, 3))
    last = whole.get_layer("conv_pw_6_relu").output
    rgb = keras.Model(whole.input, last, name="mobilenet")
    return {"rgb": rgb, "flow": keras.Model(motion, x, name="motion")}


def clips():
    rng = np.random.default_rng(0)
    return {
        stream: rng.integers(0, 256, (2, NUM_SEGMENTS, 32, 32, n), "uint8")
        for stream, n in (("rgb", 3), ("flow", 20))
    }


@pytest.mark.parametrize(
    "builder, arguments",
    [
        ("TwoStreamConvNet", {}),
        ("TwoStreamFusion", {"fusion_layer": LAYERS, "fusion": "conv"}),
        (
            "TwoStreamFusion",
            {
                "fusion_layer": LAYERS,
                "keep_temporal_tower": False,
                "temporal_pooling": None,
            },
        ),
        ("TwoStreamFusion", {"fusion_layer": "softmax"}),
        ("TSLSTM", {"num_segments": NUM_SEGMENTS, "units": (8,)}),
        ("TemporalInception", {"num_segments": 3, "num_layers": 2}),
        ("STFN", {"variant": "c"}),
    ],
)
def test_networks_of_two_streams(own, builder, arguments, tmp_path):
    build = getattr(applications, builder)
    model = build(classes=CLASSES, backbone=own, **arguments)
    scores = joined_streams.call(model, clips())
    assert scores.shape == (2, CLASSES) and np.isfinite(scores).all()
    # With their weights, not with copies.
    weights = {id(weight) for weight in model.weights}
    first = own["rgb"].get_layer("conv1").weights[0]
    assert id(first) in weights
    if builder == "TwoStreamConvNet":  # others with smaller towers elsewhere
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(
            joined_streams.call(loaded, clips()), scores, atol=1e-5
        )


def test_networks_of_one_stream(own):
    for stream, length in (("rgb", 1), ("flow", 10)):
        for backbone in (own[stream], {stream: own[stream]}):
            model = applications.TSN(
                classes=CLASSES,
                backbone=backbone,
                modality=stream,
                snippet_length=length,
            )
            assert model(clips()[stream]).shape == (2, CLASSES)


def test_what_cannot_be_fused(own):
    def fusion(**arguments):
        return applications.TwoStreamFusion(
            **{"backbone": own, "classes": CLASSES, **arguments}
        )

    for arguments, message in (
        ({}, "`fusion_layer`. Expected a layer of the model 'mobilenet"),
        ({"fusion_layer": {"rgb": "conv1"}}, "Invalid `fusion_layer`"),
        ({"fusion_layer": 5}, "Invalid `fusion_layer`"),
        (
            {"fusion_layer": {"rgb": "conv1", "flow": ("first", "last")}},
            "of as many for each",
        ),
        (
            {"fusion_layer": LAYERS, "fusion": "concat"},
            r"continues after 'conv_pw_5_relu'.*Received: .*512\)",
        ),
        (
            {"backbone": own["rgb"], "fusion_layer": "conv1"},
            r"\(32, 32, 3\). Received: .*20\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            fusion(**arguments)


@pytest.mark.parametrize(
    "builder", ["TSN", "TwoStreamConvNet", "TwoStreamFusion", "STFN"]
)
def test_a_classifier_is_no_backbone(builder):
    with pytest.raises(ValueError, match="'predictions' of 'mobilenet.*top"):
        getattr(applications, builder)(backbone=mobile_net())
