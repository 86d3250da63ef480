import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.rematerialization import rematerialize
from tests.applications.joined_streams import call

CLASSES = 4


def tsn(**arguments):
    return TSN(backbone="tiny", num_segments=2, classes=CLASSES, **arguments)


def multiplier():
    """Its towers lie in the network itself, joined after every stage."""
    return SpatiotemporalMultiplier(
        backbone="tiny", num_segments=2, snippet_length=1, classes=CLASSES
    )


def fusion():
    """Towers that end in several places, and a loss on each stream."""
    return TwoStreamFusion(
        backbone="tiny",
        num_segments=2,
        snippet_length=1,
        classes=CLASSES,
        auxiliary_outputs=True,
    )


def tower_with_normalization():
    """Batch statistics inside of a tower, which a second pass must not move."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, name="conv")(images)
    for i in range(4):
        y = keras.layers.Conv2D(8, 3, padding="same", name=f"conv{i}")(x)
        y = BatchNormalization(name=f"bn{i}")(y)
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return tsn_of(keras.Model(images, x, name="backbone"))


def tower_with_dropout():
    """Dropout inside of a tower, as between the layers of VGG-16."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, name="conv")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    for seed in range(5):
        x = keras.layers.Dense(8, activation="tanh")(x)
        x = keras.layers.Dropout(0.5, seed=seed)(x)
    return tsn_of(keras.Model(images, x, name="backbone"))


def tsn_of(backbone):
    return TSN(backbone=backbone, num_segments=2, classes=CLASSES, dropout=0.5)


def batch(model, seed=0):
    rng = np.random.default_rng(seed)
    inputs = {
        tensor.name: rng.integers(
            0, 256, (4, 2, 32, 32, tensor.shape[-1]), "uint8"
        )
        for tensor in model.inputs
    }
    if not isinstance(model.input, dict):
        (inputs,) = inputs.values()
    labels = np.arange(4) % CLASSES
    if isinstance(model.output, dict):
        labels = dict.fromkeys(model.output, labels)
    return inputs, labels


def trained(build, rematerialized):
    """A network after two steps on the same clips, and its losses."""
    keras.utils.set_random_seed(0)
    keras.utils.clear_session()
    model = clip_logits_model(build())
    if rematerialized:
        assert rematerialize(model) > 1
    losses.compile_logits(model, keras.optimizers.SGD(0.01, momentum=0.9))
    found = [model.train_on_batch(*batch(model))[0] for _ in range(2)]
    return model, found


@pytest.mark.parametrize(
    "build",
    [
        tower_with_normalization,
        tower_with_dropout,
        pytest.param(tsn, marks=pytest.mark.large),
        pytest.param(multiplier, marks=pytest.mark.large),
        pytest.param(fusion, marks=pytest.mark.large),
    ],
)
def test_training_is_the_same(build):
    """Weights, batch statistics, and states of dropout."""
    kept, losses_of_kept = trained(build, rematerialized=False)
    again, losses_of_again = trained(build, rematerialized=True)
    np.testing.assert_allclose(losses_of_again, losses_of_kept, rtol=1e-6)
    for one, two in zip(kept.variables, again.variables, strict=True):
        expected = keras.ops.convert_to_numpy(one)
        scale = np.abs(expected).max() + 1e-3
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(two) / scale,
            expected / scale,
            atol=1e-6,
            err_msg=one.path,
        )


@pytest.mark.tensorflow_only
def test_the_towers_are_computed_twice_and_the_rest_once(monkeypatch):
    model = clip_logits_model(tower_with_normalization())
    rematerialize(model)
    calls = dict.fromkeys(["conv1", "bn3", "logits"], 0)
    tower = model.get_layer("rgb")

    def counting(layer):
        call = layer.call

        def counted(*args, **kwargs):
            calls[layer.name] += 1
            return call(*args, **kwargs)

        return counted

    for layer in (*tower.layers, *model.layers):
        if layer.name in calls:
            monkeypatch.setattr(layer, "call", counting(layer))
    losses.compile_logits(model, keras.optimizers.SGD(0.01))
    # Calls happen while Keras traces, which it may do more than once.
    model.train_on_batch(*batch(model))
    once = calls["logits"]
    assert calls["conv1"] == calls["bn3"] == 2 * once > 0
    calls.update(dict.fromkeys(calls, 0))
    model.test_on_batch(*batch(model))
    assert calls["conv1"] == calls["bn3"] == calls["logits"]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="of JAX")
def test_the_gradient_on_jax_holds_every_piece():
    import jax

    model = clip_logits_model(tsn())
    num_pieces = rematerialize(model)
    inputs, _ = batch(model)

    def total(weights):
        state = [variable.value for variable in model.non_trainable_variables]
        logits, _ = model.stateless_call(weights, state, inputs, training=True)
        return logits.sum()

    weights = [variable.value for variable in model.trainable_variables]
    program = str(jax.make_jaxpr(jax.grad(total))(weights))
    assert program.count("checkpoint[") + program.count("remat2[") >= num_pieces


@pytest.mark.tensorflow_only
@pytest.mark.large
def test_replicas_that_share_their_statistics():
    import tensorflow as tf

    def network():
        images = x = keras.Input((8, 8, 3))
        for _ in range(6):
            x = keras.layers.Conv2D(4, 3, padding="same")(x)
            x = BatchNormalization(synchronized=True)(x)
            x = keras.layers.ReLU()(x)
        tower = keras.Model(images, x, name="tower")
        pooled = keras.layers.GlobalAveragePooling2D()(tower(images))
        return keras.Model(images, keras.layers.Dense(CLASSES)(pooled))

    def weights_of(rematerialized):
        keras.utils.set_random_seed(0)
        strategy = tf.distribute.MirroredStrategy(
            ["CPU:0", "CPU:1"],
            cross_device_ops=tf.distribute.ReductionToOneDevice(),
        )
        with strategy.scope():
            model = network()
            if rematerialized:
                assert rematerialize(model) > 1
            losses.compile_logits(model, keras.optimizers.SGD(0.1))
        images = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
        clips = tf.data.Dataset.from_tensors(
            (images.astype("float32"), np.arange(4) % CLASSES)
        )
        model.fit(clips, epochs=2, verbose=0, shuffle=False)
        return model.get_weights()

    for one, two in zip(weights_of(False), weights_of(True), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)


def test_the_saved_network_knows_nothing_of_it(tmp_path):
    model = tsn()
    rematerialize(clip_logits_model(model))
    model_file.save(model, tmp_path / "model.keras")
    loaded = model_file.load(tmp_path / "model.keras")
    inputs, _ = batch(model)
    np.testing.assert_allclose(
        call(loaded, inputs),
        call(model, inputs),
        atol=1e-6,
    )


def test_a_network_without_backbone_is_refused():
    inputs = keras.Input((3,))
    flat = keras.Model(inputs, keras.layers.Dense(2)(inputs), name="flat")
    with pytest.raises(ValueError, match="with a backbone.*for 'flat'"):
        rematerialize(flat)
