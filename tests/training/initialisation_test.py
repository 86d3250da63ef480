import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications import model_file
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


def test_a_first_convolution_is_never_left_to_chance(trained):
    frames = tiny(modality="flow", name="tsn")
    frames.get_layer("flow").name = "rgb"
    with pytest.raises(ValueError, match=r"rgb/conv1 .*\(1 layers\)"):
        start_from(frames, trained)


@pytest.mark.parametrize("weights", ["imagenet", "/nowhere", {"rgb": "run"}])
def test_what_is_no_network(weights):
    with pytest.raises(ValueError, match="initialisation.weights="):
        start_from(tiny(), weights)
