import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vidrec.data import pipeline
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.specs import ClipSpec
from keras_vidrec.training import freezing
from keras_vidrec.training.devices import distribution
from keras_vidrec.training.devices.devices import Devices
from keras_vidrec.training.devices.devices import Replicas
from keras_vidrec.training.devices.devices import check_positions
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.weights.towers import layers_by_path
from tests.data.memory_source import MemorySource

pytestmark = pytest.mark.tensorflow_only


def replicas(number):
    return Replicas(types.SimpleNamespace(num_replicas_in_sync=number))


def nested_batch_norm():
    """A model, and its two batch normalizations."""
    one, two = BatchNormalization(), keras.layers.BatchNormalization()
    tower_input = keras.Input((4,))
    tower = keras.Model(tower_input, one(tower_input))
    inputs = keras.Input((4,))
    return keras.Model(inputs, two(tower(inputs))), (one, two)


@pytest.mark.parametrize(
    "devices, synchronized",
    [(Devices(), False), (replicas(1), False), (replicas(2), True)],
)
def test_statistics_are_shared_by_several_replicas_only(devices, synchronized):
    model, layers = nested_batch_norm()
    devices.prepare(model, Optimizer(batch_size=8))
    assert [layer.synchronized for layer in layers] == [synchronized] * 2


def test_frozen_ones_have_nothing_to_share():
    model, (one, two) = nested_batch_norm()
    one.trainable = False
    replicas(2).prepare(model, Optimizer(batch_size=8))
    assert (one.synchronized, two.synchronized) == (False, True)
    two.trainable = False
    replicas(2).prepare(model, Optimizer(batch_size=8, sub_batch=4))
    assert one.num_groups is None


def test_a_share_is_cut_into_sub_batches():
    layer = BatchNormalization()
    model = keras.Sequential([keras.Input((4,)), layer])
    for devices, number in ((Devices(), 6), (replicas(2), 3), (replicas(6), 1)):
        devices.prepare(model, Optimizer(batch_size=12, sub_batch=2))
        assert (layer.num_groups, layer.synchronized) == (number, False)


@pytest.mark.parametrize(
    "devices, sub_batch, message",
    [
        (replicas(3), None, "all 3 devices, such as 9 .*batch_size=8"),
        (replicas(2), 3, "the batch, 4 clips. Received: sub_batch=3"),
        (Devices(), 4, "supports sub-batches.*'batch_norm.*sub_batch=4"),
    ],
)
def test_batches_that_do_not_fit(devices, sub_batch, message):
    model, _ = nested_batch_norm()
    with pytest.raises(ValueError, match=message):
        devices.prepare(model, Optimizer(batch_size=8, sub_batch=sub_batch))


def test_a_worker_reads_its_share():
    devices = replicas(4)
    devices.num_workers, devices.worker = 2, 1
    assert devices.share(8) == 4 and not devices.is_chief
    assert devices.distribute(lambda shard: shard) == (1, 2)


def test_workers_begin_at_the_same_position():
    check_positions([[2, 0], [2, 0]])
    with pytest.raises(ValueError, match=r"share.*workers=\[\[2, 0\], \[0, 0"):
        check_positions([[2, 0], [0, 0]])


def convolution(name):
    # A bias would have no gradient: normalization takes it away.
    return keras.layers.Conv2D(3, 3, use_bias=False, name=name)


def weights_of(model):
    return {
        f"{path}/{number}": weight
        for path, layer in layers_by_path(model).items()
        for number, weight in enumerate(layer.get_weights())
    }


def two_streams():
    """Towers within towers: normalizations of both streams, two each."""
    inputs, features = {}, []
    for stream in ("rgb", "flow"):
        stem_input = keras.Input((6, 6, 2))
        x = convolution("conv1")(stem_input)
        x = BatchNormalization(momentum=0.5, name="bn1")(x)
        stem = keras.Model(stem_input, keras.layers.ReLU()(x), name="stem")
        tower_input = keras.Input((6, 6, 2))
        x = convolution("conv2")(stem(tower_input))
        x = BatchNormalization(momentum=0.5, name="bn2")(x)
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
        tower = keras.Model(tower_input, x, name=f"{stream}_tower")
        inputs[stream] = keras.Input((6, 6, 2), name=stream)
        features.append(tower(inputs[stream]))
    x = keras.layers.Concatenate()(features)
    return keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))


@pytest.mark.parametrize(
    "partial, sub_batch, accumulate",
    [
        (True, None, 2),
        (False, 2, 1),
    ],
)
def test_two_devices_train_as_one_does(
    tmp_path, partial, sub_batch, accumulate
):
    """Ten batches whose two shares differ a lot, each update clipped: all
    weights, the statistics too, are those of one device with whole batches,
    and those saved are those in memory."""
    rng = np.random.default_rng(0)
    offsets = np.tile(np.repeat([-2, 2], 4), 10)[:, None, None, None]
    images = {
        stream: (rng.normal(size=(80, 6, 6, 2)) + offsets).astype("float32")
        for stream in ("rgb", "flow")
    }
    labels = rng.integers(0, 2, 80)
    section = Optimizer(
        learning_rate=0.05,
        weight_decay=0.01,
        clip_norm=0.05,
        batch_size=8,
        accumulate=accumulate,
        sub_batch=sub_batch,
    )
    found = []
    for name in ("none", "mirrored"):
        devices = distribution.choose(name)
        with devices.scope():
            model = two_streams()
            start = np.random.default_rng(1)
            model.set_weights(
                [start.uniform(0.05, 0.15, w.shape) for w in model.weights]
            )
            frozen = partial and freezing.partial_batch_norm(model)
            devices.prepare(model, section)
            losses.compile_logits(
                devices.trainable(model),
                optimizers.build(section, Schedule(epochs=1), 10, model),
            )
        before = weights_of(model)
        data = devices.distribute(
            lambda shard: tf.data.Dataset.from_tensor_slices(
                (images, labels)
            ).batch(8, drop_remainder=True)
        )
        model.fit(data, verbose=0, shuffle=False)
        in_memory = weights_of(model)
        model.save(tmp_path / "model.keras")
        loaded = weights_of(keras.models.load_model(tmp_path / "model.keras"))
        for path, weight in loaded.items():
            np.testing.assert_array_equal(weight, in_memory[path])
            moved = (weight != before[path]).any()
            assert moved == (not frozen or "bn2" not in path), path
        found.append(in_memory)
    alone, shared = found
    assert alone.keys() == shared.keys()
    for path, weight in alone.items():
        np.testing.assert_allclose(
            shared[path], weight, rtol=0, atol=1e-5, err_msg=path
        )


def test_the_tail_of_a_validation_part_counts_as_on_one_device():
    """13 videos in batches of 8: the last batch is 5 of them, and for two
    devices 3 that count nothing. One video cannot be read."""
    source = MemorySource(num_videos=13, broken=[3])
    told = []
    for name in ("none", "mirrored"):
        devices = distribution.choose(name)
        with devices.scope():
            inputs = keras.Input((3, 16, 16, 3))
            x = keras.layers.GlobalAveragePooling3D()(inputs)
            logits = keras.layers.Dense(2, name="logits")(x)
            model = devices.trainable(keras.Model(inputs, logits))
            kernel = np.random.default_rng(0).normal(size=(3, 2))
            model.set_weights([kernel, np.zeros(2)])
            losses.compile_logits(model, keras.optimizers.SGD())
        clips = devices.distribute(
            lambda shard: pipeline.make(
                source,
                ClipSpec(size=16),
                range(13),
                training=False,
                batch_size=8,
                shard=shard,
                pad_tail=devices.num_replicas > 1,
            )
        )
        told.append(model.evaluate(clips, verbose=0, return_dict=True))
    alone, shared = told
    assert alone["loss"] > 1 and 0 < alone["accuracy"] < 1
    for name, value in alone.items():
        assert shared[name] == pytest.approx(value, rel=1e-6)
