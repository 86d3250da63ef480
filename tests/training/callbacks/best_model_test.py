import json
import os

import keras
import numpy as np
import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.training.callbacks.validation import BestModel
from tests.evaluation.mean_color_network import kernel_and_bias
from tests.evaluation.mean_color_network import mean_color_network


def epoch(callback, network, number, accuracy, loss=1.0):
    """Ends an epoch after which the bias is its number; returns the bias that
    is saved."""
    kernel, bias = kernel_and_bias(network)
    network.get_layer("logits").set_weights(
        [kernel, np.full_like(bias, number)]
    )
    callback.on_epoch_end(
        number,
        {"val_accuracy": accuracy, "val_loss": loss, "accuracy": number},
    )
    _, saved = kernel_and_bias(model_file.load(callback._path))
    return saved[0]


def test_only_improvements_are_saved(tmp_path):
    network = mean_color_network(("a", "b"))
    callback = BestModel(network, tmp_path / "model.keras")
    found = [
        epoch(callback, network, number, accuracy)
        for number, accuracy in enumerate([0.0, 0.5, 0.25, 0.5, 0.75, 0.0])
    ]
    assert found == [0, 1, 1, 1, 4, 4]
    # Of the same accuracy, by the loss.
    assert epoch(callback, network, 6, 0.75, loss=1.1) == 4
    assert epoch(callback, network, 7, 0.75, loss=0.9) == 7
    assert epoch(callback, network, 8, 0.5, loss=0.1) == 7


def test_goes_on_after_an_interruption(tmp_path):
    network = mean_color_network(("a", "b"))
    before = BestModel(network, tmp_path / "model.keras")
    nothing = {"accuracy": None, "loss": None, "epoch": None}
    assert before.get_state() == nothing
    epoch(before, network, 0, np.float32(0.5))
    state = json.loads(json.dumps(before.get_state()))

    after = BestModel(network, tmp_path / "model.keras")
    after.set_state(state)
    assert epoch(after, network, 1, 0.5) == 0
    assert epoch(after, network, 2, 0.6) == 2


def test_a_lost_best_network_is_told(tmp_path, caplog):
    network = mean_color_network(("a", "b"))
    path = tmp_path / "model.keras"
    callback = BestModel(network, path)
    epoch(callback, network, 0, 0.5)
    callback.on_train_begin()
    assert callback.accuracy == 0.5 and not caplog.messages
    os.truncate(path, path.stat().st_size - 1)
    callback.on_train_begin()
    assert caplog.messages == [
        f"{path} is missing or damaged: the best network is chosen from the "
        "remaining epochs."
    ]
    assert epoch(callback, network, 1, 0.4) == 1


def test_another_monitor(tmp_path):
    network = mean_color_network(("a", "b"))
    path = tmp_path / "model.keras"
    callback = BestModel(network, path, monitor="accuracy")
    assert epoch(callback, network, 3, 0.9) == 3
    assert epoch(callback, network, 4, 0.1) == 4  # accuracy rises from 3 to 4
    with pytest.raises(KeyError, match="accuracy"):
        callback.on_epoch_end(5, {})


def test_saves_the_network_with_its_activation_from_a_fit(tmp_path):
    """What is trained are the logits, with shared weights."""
    network = mean_color_network(("a", "b"))
    trained = clip_logits_model(network)
    trained.compile(
        keras.optimizers.SGD(1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    clips = np.random.default_rng(0).integers(0, 256, (4, 1, 8, 8, 3), "uint8")
    data = (clips, np.array([0, 1, 0, 1]))
    trained.fit(
        *data,
        validation_data=data,
        verbose=0,
        callbacks=[BestModel(network, tmp_path / "model.keras")],
    )
    saved = model_file.load(tmp_path / "model.keras")
    scores = saved.predict(clips, verbose=0)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(
        scores, network.predict(clips, verbose=0), atol=1e-6
    )
