import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications import model_file
from keras_vidrec.applications.head import predictions_layer
from keras_vidrec.training.initialisation import start_from


def tiny(**arguments):
    return TSN(backbone="tiny", **{"classes": 3, **arguments})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    model_file.save(tiny(), path)
    return str(path)


def test_a_new_classifier_starts_anew_and_is_reported(trained, caplog):
    model = tiny(classes=5)
    head = model.get_layer("logits").get_weights()
    start_from(model, trained)
    source = model_file.load(trained)
    for one, two in zip(
        source.get_layer("rgb").get_weights(),
        model.get_layer("rgb").get_weights(),
    ):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(
        model.get_layer("logits").get_weights()[0], head[0]
    )
    assert "mismatched: logits" in caplog.text


def test_nothing_to_start_from():
    model = tiny()
    before = model.get_weights()
    start_from(model, None)
    for one, two in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("modality", ["flow", "rgb_diff"])
@pytest.mark.parametrize("inflation", ["mean", "symmetric"])
def test_motion_starts_from_rgb(trained, caplog, modality, inflation):
    model = tiny(modality=modality, classes=5)
    start_from(model, trained, inflation)
    source = model_file.load(trained)
    rgb, motion = source.get_layer("rgb"), model.get_layer(modality)
    have, found = (
        tower.get_layer("conv1").get_weights()[0] for tower in (rgb, motion)
    )
    channels = found.shape[2]
    expected = np.pad(
        have, ((0, 0), (0, 0), (0, channels - 3), (0, 0)), "symmetric"
    )
    if inflation == "mean":
        expected = np.broadcast_to(have.mean(2, keepdims=True), found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    for one, two in zip(rgb.weights[1:], motion.weights[1:], strict=True):
        np.testing.assert_array_equal(one, two)
    how = f"{modality}/conv1 (3 to {channels} channels: {inflation})"
    assert f"inflated: {how}; mismatched: logits" in caplog.text


def test_warped_flow_starts_from_flow_as_it_is(tmp_path, caplog):
    source = tiny(modality="flow")
    model_file.save(source, tmp_path / "flow.keras")
    model = tiny(modality="warped_flow")
    start_from(model, str(tmp_path / "flow.keras"), "scaled")
    for one, two in zip(source.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    assert "inflated" not in caplog.text
    longer = tiny(modality="warped_flow", snippet_length=10)
    with pytest.raises(ValueError, match=r"warped_flow/conv1 .*\(1 layers\)"):
        start_from(longer, str(tmp_path / "flow.keras"))


def test_motion_does_not_start_colours(trained, tmp_path):
    model_file.save(tiny(modality="rgb_diff"), tmp_path / "diff.keras")
    with pytest.raises(ValueError, match="diff.keras', a network of rgb_diff"):
        start_from(tiny(modality="flow"), str(tmp_path / "diff.keras"))
    unknown = tiny()
    predictions_layer(unknown).clip_spec = None
    with pytest.raises(ValueError, match="without a clip specification"):
        start_from(unknown, trained)


def test_a_first_convolution_is_never_left_to_chance(tmp_path):
    model_file.save(tiny(modality="flow"), tmp_path / "model.keras")
    longer = tiny(modality="flow", snippet_length=10)
    with pytest.raises(ValueError, match=r"flow/conv1 .*\(1 layers\)"):
        start_from(longer, str(tmp_path / "model.keras"))


@pytest.mark.parametrize("weights", ["imagenet", "/nowhere", {"rgb": "run"}])
def test_what_is_no_network(weights):
    with pytest.raises(ValueError, match="initialisation.weights="):
        start_from(tiny(), weights)
