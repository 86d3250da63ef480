"""What phases train, of networks with towers, and with what is frozen."""

import keras
import numpy as np
import pytest

from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.training import freezing
from keras_vidrec.training.phases import Phases
from keras_vidrec.training.recipes.phase import Phase
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.weights.towers import layers_by_path
from tests.applications.joined_streams import without_values


class Pair(keras.Layer):
    """A layer of two."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(3, use_bias=False)
        # Neither scale nor shift: statistics are all it has.
        self.normalization = BatchNormalization(
            momentum=0.5, center=False, scale=False
        )

    def build(self, shape):
        self.dense.build(shape)
        self.normalization.build((*shape[:-1], 3))

    def call(self, x, training=None):
        return self.normalization(self.dense(x), training=training)


def network():
    """Two dense layers, two that normalize and a pair in a tower, and one of
    each behind it."""
    tower_input = x = keras.Input((4,))
    x = keras.layers.Dense(4, use_bias=False, name="fc6")(x)
    x = BatchNormalization(momentum=0.5, name="bn6")(x)
    x = keras.layers.Dense(4, use_bias=False, name="fc7")(x)
    x = BatchNormalization(momentum=0.5, name="bn7")(x)
    tower = keras.Model(tower_input, Pair(name="pair")(x), name="rgb")
    clip = keras.Input((4,), name="clip")
    x = keras.layers.Dense(3, use_bias=False, name="mixing")(tower(clip))
    x = BatchNormalization(momentum=0.5, name="bn8")(x)
    logits = keras.layers.Dense(2, name="logits")(x)
    return keras.Model(clip, logits, name="small")


def phases(model, *trained):
    schedule = Schedule(phases=tuple(Phase(2, trained=t) for t in trained))
    return Phases(model, schedule, Optimizer())


def moved(model):
    """Paths of the layers that an update changes: all their weights, or it
    fails."""
    before = {p: x.get_weights() for p, x in layers_by_path(model).items()}
    model.compile(
        keras.optimizers.SGD(0.1, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x = np.random.default_rng(0).normal(3, 2, (8, 4)).astype("float32")
    model.fit(x, np.array([0, 1] * 4), verbose=0)
    changed = set()
    for path, layer in layers_by_path(model).items():
        differ = {
            (one != two).any()
            for one, two in zip(before[path], layer.get_weights(), strict=True)
        }
        assert len(differ) == 1, path
        changed |= {path} if differ.pop() else set()
    return changed


TOWER = {"rgb/fc6", "rgb/bn6", "rgb/fc7", "rgb/bn7", "rgb/pair"}
HEAD = {"mixing", "bn8", "logits"}


@pytest.mark.usefixtures("eager")
def test_each_phase_moves_what_it_names_and_nothing_else(tmp_path):
    """Statistics too, in composed layers as well; in any order, and what is
    saved is trained as it was built."""
    model = network()
    expected = {
        "head": HEAD,
        ("fc7", "logits"): {"rgb/fc7", "logits"},
        ("rgb/*7", "bn8"): {"rgb/fc7", "rgb/bn7", "bn8"},
        ("rgb",): TOWER,
        ("rgb/pair",): {"rgb/pair"},
        "all": TOWER | HEAD,
    }
    chosen = phases(model, *expected)
    for number, layers in enumerate(expected.values()):
        chosen.freeze(number)
        assert moved(model) == layers
        assert {id(w) for w in chosen.weights(number)} == {
            id(weight) for weight in model.trainable_weights
        }
    assert len(chosen.weights(5)) == 4 + 1 + 1 + 2 * 3
    chosen.freeze(0)
    with chosen.released():
        model.save(tmp_path / "model.keras")
    assert moved(model) == HEAD
    loaded = keras.models.load_model(
        tmp_path / "model.keras", {"Pair": Pair}, compile=False
    )
    assert moved(loaded) == TOWER | HEAD


@pytest.mark.usefixtures("eager")
def test_what_is_frozen_already_stays_so():
    model = network()
    freezing.partial_batch_norm(model)
    model.get_layer("rgb").get_layer("fc7").trainable = False
    chosen = phases(model, "all", "head", ("rgb",))
    tower, pair = {"rgb/fc6", "rgb/bn6"}, "pair/dense/kernel"
    head = {"mixing", "logits"}
    for number, layers, parts in (
        (0, tower | head, [pair]),
        (1, head, []),
        (2, tower, [pair]),
        (0, tower | head, [pair]),
    ):
        chosen.freeze(number)
        flags = {
            path
            for path, layer in layers_by_path(model).items()
            if layer.trainable and not path.endswith("pair")
        }
        assert flags == layers
        # Its statistics are frozen.
        composed = model.get_layer("rgb").get_layer("pair")
        assert [w.path for w in composed.trainable_weights] == parts
        assert not composed.normalization.trainable


@pytest.mark.parametrize(
    "trained, message",
    [
        (("fc9",), r"phases\[1\].trained.*unlike 'fc9', such as 'fc\d'"),
        (("rgb/fc",), "such as 'rgb/fc\\d'.*trained=.'rgb/fc',"),
        (("logits", "Logits"), "unlike 'Logits', such as 'logits'"),
        (("bn8",), "unlike 'bn8'"),  # it is frozen
        (("rgb/pool*",), "unlike 'rgb/pool"),
    ],
)
def test_names_that_fit_nothing_are_refused_with_the_nearest(trained, message):
    model = network()
    model.get_layer("bn8").trainable = False
    with pytest.raises(ValueError, match=message):
        phases(model, "all", trained)
    model.get_layer("rgb").trainable = True
    for layer in model.layers:
        layer.trainable = layer.name == "rgb"
    with pytest.raises(ValueError, match="phases.0..trained.*freezes.*'head'"):
        phases(model, "head")


@pytest.mark.usefixtures("eager")
def test_what_a_phase_freezes():
    model = network()
    chosen = Phases(
        model,
        Schedule(
            phases=(
                Phase(1, frozen=("backbone",)),
                Phase(1, trained=("rgb", "bn8"), frozen=("rgb/*7", "head")),
                Phase(1, trained="head", frozen=("logits",)),
            )
        ),
        Optimizer(),
    )
    for number, layers in enumerate(
        [HEAD, TOWER - {"rgb/fc7", "rgb/bn7"}, HEAD - {"logits"}]
    ):
        chosen.freeze(number)
        assert moved(model) == layers
    assert "trains rgb, bn8 but rgb/*7, head (" in chosen.describe(1)


def of_freeze(model, freeze, num_epochs):
    schedule = Schedule(epochs=num_epochs, freeze=freeze)
    return Phases(model, schedule, Optimizer(), num_epochs)


def test_what_is_frozen_for_some_epochs():
    """Part after part; never for longer than the training is."""
    freeze = {"backbone": 2, "fc6": 5}
    chosen = of_freeze(network(), freeze, 7)
    assert [chosen.end(number) for number in range(3)] == [2, 5, 7]
    assert [chosen.describe(number) for number in range(3)] == [
        "phase 1 of 3, epochs 1 to 2: trains all but backbone, fc6 (23 "
        "weights), learning rate 0.001",
        "phase 2 of 3, epochs 3 to 5: trains all but fc6 (67 weights), "
        "learning rate 0.001",
        "phase 3 of 3, epochs 6 to 7: trains all (83 weights), learning rate "
        "0.001",
    ]
    short = of_freeze(network(), freeze, 2)
    assert short.end(0) == 2 and "phase 1 of 1" in short.describe(0)
    assert Schedule(steps=9, freeze=freeze).phases_of(0) == ()
    assert Schedule(epochs=9).phases_of(9) == ()


@pytest.mark.parametrize(
    "freeze, message",
    [
        ({"fc9": 1}, "schedule.freeze`.*unlike 'fc9', such as 'fc"),
        ({"rgb": 1, "head": 2}, "schedule.freeze`. Expected something of"),
    ],
)
def test_what_cannot_be_frozen(freeze, message):
    with pytest.raises(ValueError, match=message):
        of_freeze(network(), freeze, 3)
    clip = keras.Input((4,))
    logits = keras.layers.Dense(2, name="logits")(clip)
    with pytest.raises(ValueError, match="unlike the backbone of"):
        of_freeze(keras.Model(clip, logits), {"backbone": 1}, 3)


def test_when_and_what_a_phase_is():
    phase = (
        Phase(3, trained="head"),
        Phase(5, 5e-4),
        Phase(2, trained=["fc7"]),
    )
    chosen = Phases(network(), Schedule(phases=phase), Optimizer())
    assert [chosen.at(epoch) for epoch in (0, 2, 3, 7, 8, 9, 10)] == [
        0, 0, 1, 1, 2, 2, 2,
    ]  # fmt: skip
    assert [chosen.end(number) for number in range(3)] == [3, 8, 10]
    assert [chosen.describe(number) for number in range(3)] == [
        "phase 1 of 3, epochs 1 to 3: trains head (23 weights), learning rate "
        "0.001",
        "phase 2 of 3, epochs 4 to 8: trains all (83 weights), learning rate "
        "0.0005",
        "phase 3 of 3, epochs 9 to 10: trains fc7 (16 weights), learning rate "
        "0.0005",
    ]


def test_networks_without_towers_have_classifiers_as_their_head():
    model = without_values(SpatiotemporalMultiplier, backbone="tiny", classes=3)
    assert {w.path.split("/")[0] for w in phases(model, "head").weights(0)} == {
        "rgb_logits",
        "flow_logits",
    }
