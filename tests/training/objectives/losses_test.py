import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.training import freezing
from keras_vidrec.training.devices import distribution
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.recipes.sections import Loss
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.weights.towers import layers_by_path
from tests.applications.joined_streams import call
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.mean_color_network import softmax
from tests.training.two_towers import clips
from tests.training.two_towers import two_towers

pytestmark = pytest.mark.tensorflow_only

CLASSES = ("jump", "run", "walk")
STREAMS = ("rgb", "flow")


def features(pixels):
    return {s: x.mean(axis=(1, 2, 3)) / 255 for s, x in pixels.items()}


def weights(model, stream):
    return model.get_layer(f"{stream}_logits").get_weights()


def by_path(model):
    return {
        f"{path}/{number}": weight
        for path, layer in layers_by_path(model).items()
        for number, weight in enumerate(layer.get_weights())
    }


def cross_entropy(logits, labels):
    return -np.log(softmax(logits)[range(len(labels)), labels])


def compiled(model, rate):
    trained = clip_logits_model(model)
    losses.compile_logits(trained, keras.optimizers.SGD(rate))
    return trained


def batches(trained, pixels, *labels, size=8):
    data = tf.data.Dataset.from_tensor_slices((pixels, *labels))
    return losses.label_outputs(trained, data.batch(size))


def test_two_steps_by_the_sum_of_the_losses_of_the_towers():
    """Against the gradients on paper; none comes from the predictions."""
    model, rate = two_towers(CLASSES), 0.5
    pixels, labels = clips(16)
    seen = features(pixels)
    expected = {s: weights(model, s) for s in STREAMS}
    for step in (slice(0, 8), slice(8, 16)):
        for stream, (kernel, bias) in expected.items():
            x = seen[stream][step]
            error = softmax(x @ kernel + bias) - np.eye(3)[labels[step]]
            expected[stream] = [
                kernel - rate * x.T @ error / 8,
                bias - rate * error.sum(axis=0) / 8,
            ]
    trained = compiled(model, rate)
    trained.fit(batches(trained, pixels, labels), shuffle=False, verbose=0)
    for stream in STREAMS:
        for one, two in zip(weights(model, stream), expected[stream]):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_what_is_measured():
    """Each loss, their sum, and the accuracy of the mean of the logits; a
    clip of weight 0 counts nowhere."""
    model = two_towers(CLASSES)
    pixels, labels = clips(8)
    weight = np.array([1, 1, 0, 1, 1, 0, 1, 1], "float32")
    seen = features(pixels)
    logits = {
        s: x @ weights(model, s)[0] + weights(model, s)[1]
        for s, x in seen.items()
    }
    joint = sum(logits.values()) / 2
    labels[2] = (joint[2].argmax() + 1) % 3  # wrong, but without weight
    labels[3] = joint[3].argmax()
    trained = compiled(model, 0.1)
    found = trained.evaluate(
        batches(trained, pixels, labels, weight), return_dict=True, verbose=0
    )
    right = (joint.argmax(axis=1) == labels)[weight > 0]
    each = {
        s: (cross_entropy(x, labels) * weight).mean() for s, x in logits.items()
    }
    assert right.any() and set(found) == {
        "loss",
        "rgb_loss",
        "flow_loss",
        "predictions_accuracy",
    }
    name = losses.accuracy_name(trained)
    assert found[name] == pytest.approx(right.mean())
    assert found["loss"] == pytest.approx(sum(each.values()), rel=1e-5)
    for stream, loss in each.items():
        assert found[f"{stream}_loss"] == pytest.approx(loss, rel=1e-5)


def test_a_network_of_one_output_is_trained_as_ever():
    model = mean_color_network(CLASSES)
    trained = compiled(model, 0.1)
    pixels, labels = clips(4)
    data = tf.data.Dataset.from_tensors((pixels["rgb"], labels))
    assert losses.label_outputs(trained, data) is data
    log = trained.fit(data, shuffle=False, verbose=0).history
    assert set(log) == {"loss", losses.accuracy_name(trained)}


def test_the_network_as_it_is_saved(tmp_path):
    model = two_towers(CLASSES, dropout=0.5)
    pixels, labels = clips(8)
    trained = compiled(model, 0.5)
    trained.fit(batches(trained, pixels, labels), shuffle=False, verbose=0)
    inference = inference_model(model)
    assert inference.name == model.name and set(inference.input) == {*STREAMS}
    inference.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected = call(model, pixels)["predictions"]
    for network in (inference, loaded):
        np.testing.assert_allclose(call(network, pixels), expected, atol=1e-6)
    logits = sum(
        x @ weights(loaded, s)[0] + weights(loaded, s)[1]
        for s, x in features(pixels).items()
    )
    np.testing.assert_allclose(expected, softmax(logits / 2), atol=1e-5)


def test_two_devices_train_as_one_does():
    """Two towers with batch normalization: all weights and statistics."""
    pixels, labels = clips(16)
    found, logs = [], []
    for chosen in ("none", "mirrored"):
        devices = distribution.choose(chosen)
        with devices.scope():
            model = two_towers(CLASSES, normalize=True)
            start = np.random.default_rng(1)
            model.set_weights(
                [start.uniform(0.5, 1, w.shape) for w in model.weights]
            )
            freezing.freeze_towers(model, ("flow",))
            devices.prepare(model, Optimizer(batch_size=8))
            trained = compiled(model, 0.2)
        before = by_path(model)
        data = batches(trained, pixels, labels)
        logs.append(
            trained.fit(
                data,
                validation_data=data,
                epochs=2,
                shuffle=False,
                verbose=0,
            ).history
        )
        found.append(by_path(model))
        for path, new in found[-1].items():
            frozen = path.startswith("flow_tower")
            assert (before[path] == new).all() == frozen, path
    for path, one in found[0].items():
        np.testing.assert_allclose(
            found[1][path], one, rtol=1e-4, atol=1e-5, err_msg=path
        )
    assert logs[0].keys() == logs[1].keys()
    for name, values in logs[0].items():
        np.testing.assert_allclose(logs[1][name], values, rtol=1e-3)


def test_smoothed_labels():
    """A tenth of each label spread over all classes, on paper; of towers too,
    and with weights."""
    model = two_towers(CLASSES)
    trained = clip_logits_model(model)
    losses.compile_logits(
        trained, keras.optimizers.SGD(0.0), Loss(label_smoothing=0.1)
    )
    pixels, labels = clips(4)
    logits = {k: np.array(v) for k, v in trained(pixels).items()}
    targets = 0.9 * np.eye(len(CLASSES))[labels] + 0.1 / len(CLASSES)
    expected = sum(
        -(targets * np.log(softmax(logits[stream]))).sum(axis=1).mean()
        for stream in STREAMS
    )
    (batch,) = batches(trained, pixels, labels)
    found = trained.train_on_batch(*batch, return_dict=True)
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def logits_model():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Identity()(inputs))


def measured(loss, labels, logits, **options):
    model = logits_model()
    losses.compile_logits(model, keras.optimizers.SGD(0.0), loss, **options)
    return model.test_on_batch(logits, labels, return_dict=True)


LOGITS = np.array([[2, -1, 0.5], [-3, 1, 4], [0, 0, -2]], "float32")
SETS = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0]], "float32")


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_sigmoids_on_paper(smoothing):
    """Binary cross-entropy and its focal form, of sets, of a set of none, and
    of mixed sets; and of the number of a class."""
    chances = 1 / (1 + np.exp(-LOGITS.astype("float64")))
    for labels in (SETS, 0.7 * SETS + 0.3 * SETS[::-1], np.array([2, 0, 1])):
        shares = np.eye(3)[labels] if labels.ndim == 1 else labels
        shares = shares * (1 - smoothing) + smoothing / 2
        each = -shares * np.log(chances) - (1 - shares) * np.log(1 - chances)
        several = labels.ndim == 2
        found = measured(
            Loss("binary_crossentropy", smoothing),
            labels,
            LOGITS,
            sigmoid=True,
            several=several,
        )
        assert found["loss"] == pytest.approx(each.mean(), rel=1e-5)
        assert ("accuracy" in found) != several
        missed = np.abs(shares - chances)
        if not smoothing and set(shares.ravel()) <= {0, 1}:
            weights = np.where(shares == 1, 0.3, 0.7) * missed**1.5
            found = measured(
                Loss("focal", gamma=1.5, alpha=0.3),
                labels,
                LOGITS,
                sigmoid=True,
                several=several,
            )
            assert found["loss"] == pytest.approx(
                (weights * each).mean(), rel=1e-5
            )


def test_softmax_of_mixed_labels():
    """Numbers of classes and shares of them give the same; focal as Keras'."""
    labels = np.array([2, 0, 1])
    for loss in (Loss(), Loss(label_smoothing=0.1), Loss("focal")):
        one = measured(loss, labels, LOGITS)
        other = measured(loss, np.eye(3, dtype="float32")[labels], LOGITS)
        assert one == pytest.approx(other, rel=1e-6)
    expected = keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, from_logits=True
    )(np.eye(3)[labels], LOGITS)
    assert one["loss"] == pytest.approx(float(expected), rel=1e-5)
    mixed = np.array([[0.6, 0.4, 0], [0, 0, 1], [0.5, 0.2, 0.3]], "float32")
    found = measured(Loss(), mixed, LOGITS)
    logs = np.log(softmax(LOGITS))
    assert found["loss"] == pytest.approx(-(mixed * logs).sum(1).mean())
    assert found["accuracy"] == pytest.approx(1.0)


def test_mean_average_precision_by_bins():
    """Near scikit-learn's, over batches and with weights; what no clip shows
    does not count."""
    rng = np.random.default_rng(0)
    shown = (rng.uniform(size=(300, 4)) < 0.2).astype("float32")
    shown[:, 3] = 0
    logits = (2 * rng.normal(size=shown.shape) + shown - 2).astype("float32")
    weights = np.repeat([1.0, 0.0], [200, 100]).astype("float32")
    metric = losses.MeanAveragePrecision(4)
    for part in (slice(0, 100), slice(100, 300)):
        metric.update_state(shown[part], logits[part], weights[part])
    expected = np.mean(
        [
            sklearn.metrics.average_precision_score(
                shown[:200, one], logits[:200, one]
            )
            for one in range(3)
        ]
    )
    assert float(metric.result()) == pytest.approx(expected, abs=0.01)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_several_labels_on_two_devices():
    """Loss and mean average precision as on one; of towers, too."""
    pixels, _ = clips(16)
    sets = (np.random.default_rng(0).uniform(size=(16, 3)) < 0.4) * 1.0
    logs = []
    for chosen in ("none", "mirrored"):
        devices = distribution.choose(chosen)
        with devices.scope():
            model = two_towers(CLASSES)
            start = np.random.default_rng(1)
            model.set_weights(
                [start.normal(0, 1, w.shape) for w in model.weights]
            )
            devices.prepare(model, Optimizer(batch_size=8))
            trained = clip_logits_model(model)
            losses.compile_logits(
                trained,
                keras.optimizers.SGD(0.1),
                Loss("focal"),
                sigmoid=True,
                several=True,
            )
        data = batches(trained, pixels, sets.astype("float32"))
        logs.append(trained.fit(data, shuffle=False, verbose=0).history)
    name = losses.accuracy_name(trained)
    assert name == "predictions_mean_average_precision"
    assert 0 < logs[0][name][0] < 1
    for key, values in logs[0].items():
        np.testing.assert_allclose(logs[1][key], values, rtol=1e-4)
