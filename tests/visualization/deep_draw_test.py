import keras
import numpy as np
import pytest

from keras_vidrec import applications
from keras_vidrec.visualization import deep_draw
from tests.evaluation.mean_color_network import mean_color_network
from tests.visualization.grad_cam_test import tsn

SHORT = {"octaves": 2, "steps": 12, "verbose": False}


# Of the images of a tower, and of what the network takes.
CHANNELS = {"rgb": (3, 3), "rgb_diff": (3, 6), "flow": (4, 4)}


def network(modality):
    """Class "walk" is much in the first channel and little in the second, all
    over the picture; the others like everything alike."""
    images = keras.Input((None, None, CHANNELS[modality][0]))
    offset = 0 if modality == "rgb_diff" else -1
    scaled = keras.layers.Rescaling(1 / 127.5, offset)(images)
    model = tsn(modality, backbone=keras.Model(images, scaled))
    kernel, bias = map(np.zeros_like, model.get_layer("logits").get_weights())
    kernel[:2, 2] = 5, -5
    model.get_layer("logits").set_weights([kernel, bias])
    return model


def probability(model, images, label):
    return float(model.predict(images[None], verbose=0)[0, label])


@pytest.mark.parametrize("modality", CHANNELS)
def test_noise_becomes_what_the_network_takes_for_the_class(modality):
    model = network(modality)
    drawing = deep_draw.draw_class(model, "walk", **SHORT)
    clip = drawing.clips[modality]
    assert clip.shape == (1, 64, 64, CHANNELS[modality][1])
    assert clip.dtype == np.uint8
    if modality == "rgb_diff":  # the second frame minus the first
        assert clip[..., [3, 1]].mean() > 250 and clip[..., [0, 4]].mean() < 5
        indifferent = clip[..., [2, 5]]
    else:
        assert clip[..., 0].mean() > 250 and clip[..., 1].mean() < 5
        indifferent = clip[..., 2:]
    assert abs(indifferent.mean() - 127.5) < 2

    before, after = drawing.probabilities
    assert before == pytest.approx(1 / 3, abs=0.05) and after > 0.999
    assert after == pytest.approx(probability(model, clip, 2), abs=1e-5)
    scores = [score for _, _, score in drawing.scores]
    assert [row[:2] for row in drawing.scores][11:13] == [(1, 12), (2, 1)]
    assert abs(scores[0]) < 0.5 and scores[-1] > 9.5


@pytest.mark.large
@pytest.mark.parametrize("modality", ["rgb", "flow"])
def test_the_score_rises_through_a_tower(modality):
    drawing = deep_draw.draw_class(tsn(modality), "walk", **SHORT)
    scores = [score for _, _, score in drawing.scores]
    assert min(scores[-3:]) > max(scores[:3])


def test_a_seed_is_a_drawing():
    model = network("flow")
    first, again, other = (
        deep_draw.draw_class(model, "walk", seed=seed, **SHORT)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.clips["flow"], again.clips["flow"])
    assert first.scores == again.scores
    assert (first.clips["flow"] != other.clips["flow"]).any()


def test_one_modality_of_a_fusion_or_all():
    networks = {m: network(m) for m in ("rgb", "flow")}
    fused = applications.LateFusion(networks)
    both = deep_draw.draw_class(fused, "walk", **SHORT)
    assert list(both.clips) == ["rgb", "flow"]
    flow = deep_draw.draw_class(fused, "walk", modality="flow", **SHORT)
    assert list(flow.clips) == ["flow"]
    for drawing in (both, flow):
        assert drawing.clips["flow"][..., 0].mean() > 250
    assert both.clips["rgb"][..., 0].mean() > 250
    # The frames that nobody draws stay gray.
    assert 0.9 < flow.probabilities[1] < both.probabilities[1]
    with pytest.raises(ValueError, match="Received: modality='warped_flow'"):
        deep_draw.draw_class(fused, "walk", modality="warped_flow", **SHORT)


def test_segments_in_order_are_drawn_together():
    model = applications.TwoStreamFusion(
        classes=3, backbone="tiny", num_segments=3, snippet_length=2
    )
    layer = model.get_layer("predictions")
    layer.clip_spec = layer.clip_spec.replace(size=32)
    drawing = deep_draw.draw_class(model, "1", octaves=1, steps=2)
    assert drawing.clips["flow"].shape == (3, 32, 32, 4)
    assert drawing.clips["rgb"].shape == (3, 32, 32, 3)
    figure = deep_draw.draw(drawing)
    assert sum(bool(axes.images) for axes in figure.axes) == 3 + 3 * 3


def test_flow_is_drawn_as_gray_maps_and_in_colors():
    clip = np.full((1, 8, 8, 4), 128, np.uint8)
    clip[..., 2] = 200  # x of the second image, the one in the middle
    clip[..., 3] = 90
    drawing = deep_draw.Drawing("run", {"flow": clip}, [(1, 1, 2.5)], (0.1, 1))
    x, y, colors = (
        axes.images[0].get_array() for axes in deep_draw.draw(drawing).axes
    )
    assert (x == 200).all() and (y == 90).all()
    red, green, blue = colors[0, 0]  # right and up
    assert red == 255 and green < blue
    header, rows = deep_draw.table(drawing)
    assert header == ("octave", "step", "score")
    assert list(rows) == [(1, 1, "2.5")]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"class_name": "junp"}, "Did you mean 'jump'"),
        ({"class_name": "jump", "steps": 0}, "Received: steps=0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        deep_draw.draw_class(network("rgb"), **arguments)


def test_pixels_that_enter_as_integers_have_no_gradient():
    model = mean_color_network(("even", "odd"))
    assert keras.backend.standardize_dtype(model.input.dtype) == "uint8"
    with pytest.raises(ValueError, match="takes float32"):
        deep_draw.draw_class(model, "odd", **SHORT)
