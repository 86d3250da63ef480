import functools

import keras
import numpy as np
import pytest

from keras_vidrec import applications
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data import synthetic
from keras_vidrec.visualization import grad_cam
from tests.applications.joined_streams import call

CLASSES = ("jump", "run", "walk")
CHANNELS = {"rgb": 3, "flow": 4}
STREAMS = ("rgb", "flow")


@functools.cache
def tsn(modality="rgb", backbone="tiny", **arguments):
    """Built once: explaining a network does not change it."""
    keras.utils.set_random_seed(0)
    model = applications.TSN(
        classes=len(CLASSES),
        backbone=backbone,
        modality=modality,
        snippet_length=1 if modality.startswith("rgb") else 2,
        **arguments,
    )
    return named(model)


def named(model):
    """Known classes, and weights that tell them apart: no class likes all
    that is bright."""
    layer = predictions_layer(model)
    layer.class_names = CLASSES
    layer.clip_spec = layer.clip_spec.replace(size=64)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if layer.name.endswith("logits"):
            kernel, bias = layer.get_weights()
            kernel = rng.normal(0, 0.1, kernel.shape)
            kernel -= kernel.mean(axis=0)
            layer.set_weights([kernel, rng.normal(size=bias.shape)])
    return model


def clip(*modalities, segments=3, size=64):
    rng = np.random.default_rng(0)
    return {
        m: rng.integers(
            0, 256, (segments, size, size, CHANNELS[m]), dtype=np.uint8
        )
        for m in modalities
    }


def tower_maps(model, stream, images):
    """The last maps of a tower, by the graph of the tower itself."""
    scaled = model.get_layer("preprocessing")(images)
    tower = model.get_layer(stream)
    maps = keras.Model(tower.input, tower.get_layer("res5b_relu").output)
    return keras.ops.convert_to_numpy(maps(scaled, training=False))


@pytest.mark.parametrize("modality, label", [("rgb", 0), ("flow", 2)])
def test_behind_a_pooling_it_is_the_class_activation_map(modality, label):
    model = tsn(modality)
    images = clip(modality)
    found = grad_cam.explain(model, images, CLASSES[label])
    maps = tower_maps(model, modality, images[modality])
    segments, height, width, _ = maps.shape
    kernel, bias = model.get_layer("logits").get_weights()
    # The score is the mean over segments and places of maps @ kernel + bias.
    expected = maps @ kernel[:, label] / (segments * height * width)
    assert (expected > 0).any() and (expected < 0).any()
    np.testing.assert_allclose(
        found.maps[modality],
        np.maximum(expected, 0),
        rtol=1e-3,
        atol=1e-5 * np.abs(expected).max(),
    )
    assert found.layers == {modality: "res5b_relu"}
    logits = maps.mean(axis=(0, 1, 2)) @ kernel + bias
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    assert found.probability == pytest.approx(probabilities[label], abs=1e-4)


def test_the_maximum_over_segments_sees_one_of_them():
    model = tsn(consensus="max")
    found = grad_cam.explain(model, clip("rgb"), "run")
    seeing = found.maps["rgb"].reshape(3, -1).any(axis=1)
    assert seeing.sum() <= 1


def test_the_most_probable_class_is_the_default():
    model = tsn()
    images = clip("rgb")
    best = int(call(model, images["rgb"][None]).argmax())
    found = grad_cam.explain(model, images)
    assert found.class_name == CLASSES[best]


def test_each_stream_of_a_fusion_has_the_maps_of_its_network():
    networks = {m: tsn(m, name=m) for m in STREAMS}
    fused = applications.LateFusion(networks, {"rgb": 1, "flow": 3})
    images = clip(*STREAMS)
    found = grad_cam.explain(fused, images, "walk")
    assert found.layers == dict.fromkeys(STREAMS, "res5b_relu")
    for (modality, network), weight in zip(networks.items(), (0.25, 0.75)):
        alone = grad_cam.explain(network, {modality: images[modality]}, "walk")
        np.testing.assert_allclose(
            found.maps[modality],
            weight * alone.maps[modality],
            rtol=1e-3,
            atol=1e-6,
        )


@pytest.mark.parametrize(
    "builder, layers",
    [
        (
            applications.TwoStreamFusion,
            {"rgb": "res5b_relu", "flow": "res5b_relu"},
        ),
        (
            applications.SpatiotemporalMultiplier,
            {"rgb": "rgb_res5b_relu", "flow": "flow_res5b_relu"},
        ),
    ],
)
def test_streams_that_meet_inside(builder, layers):
    model = named(
        builder(classes=3, backbone="tiny", num_segments=3, snippet_length=2)
    )
    images = clip(*STREAMS)
    found = grad_cam.explain(model, images, "jump")
    assert found.layers == layers
    for maps in found.maps.values():
        assert maps.shape[0] == 3 and maps.ndim == 3
        assert maps.max() > 0 and np.isfinite(maps).all()


def test_the_network_is_as_before():
    model = tsn()
    images = clip("rgb")["rgb"][None]
    before = call(model, images)
    grad_cam.explain(model, {"rgb": images[0]}, "run")
    np.testing.assert_array_equal(call(model, images), before)
    tower = model.get_layer("rgb")
    assert "call" not in vars(tower.get_layer("res5b_relu"))


def test_a_saved_network_and_another_layer(tmp_path):
    path = tmp_path / "model.keras"
    model = tsn()
    model.save(path)
    images = clip("rgb")
    again = keras.models.load_model(path)
    maps = [
        grad_cam.explain(m, images, "run", "res4b_relu").maps["rgb"]
        for m in (model, again)
    ]
    assert maps[0].shape == (3, 4, 4)
    np.testing.assert_allclose(*maps, rtol=1e-4, atol=1e-7)


def test_a_figure_and_its_numbers(tmp_path):
    video = synthetic.generate(
        tmp_path / "videos",
        train_groups=1,
        test_groups=1,
        clips_per_group=1,
        size=(48, 64),
        num_frames=8,
    )
    video = sorted(video.rglob("*.avi"))[0]
    model = tsn()
    shown = grad_cam.read_clip(model, video, num_segments=2)
    found = grad_cam.explain(model, shown.images)
    figure = grad_cam.draw(shown, found)
    pictures = [axes.images for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(
        pictures[0][0].get_array(), shown.images["rgb"][0]
    )
    assert video.name in figure.get_suptitle()
    header, rows = grad_cam.table(found)
    rows = list(rows)
    assert len(rows) == found.maps["rgb"].size
    assert header[-1] == "value" and rows[0][:4] == ("rgb", 1, 0, 0)
    with pytest.raises(ValueError, match="fixed length.*num_segments=3"):
        grad_cam.read_clip(tsn(num_segments=3), video, num_segments=2)


def test_segments_without_motion_say_so():
    images = clip("flow")
    images["flow"][1] = 128  # still, and so is 127
    images["flow"][1, ::2] = 127
    images["flow"][2] = 128
    images["flow"][2, 5, 5] = 130
    shown = grad_cam.Clip("a.avi", images)
    maps = {"flow": np.ones((3, 2, 2), "float32")}
    found = grad_cam.GradCAM("run", 0.5, {"flow": "conv"}, maps)
    titles = [axes.get_title() for axes in grad_cam.draw(shown, found).axes]
    assert titles[:3] == ["segment 1", "segment 2\nno motion", "segment 3"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"class_name": "runn"}, "Did you mean 'run'"),
        ({"layer": "res5b_rel"}, "Did you mean 'res5b_relu'"),
        ({"layer": "?"}, "no such layer.*end with res5b_relu"),
    ],
)
def test_what_is_not_there_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        grad_cam.check(tsn(), **arguments)


def test_networks_over_features_are_refused():
    model = named(applications.TSLSTM(classes=3, features=8, num_segments=25))
    with pytest.raises(ValueError, match="input is features"):
        grad_cam.check(model)
