import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from keras_vidrec.backbones import BACKBONES
from keras_vidrec.backbones import Walk

STAGES = ["relu2", "relu3", "relu4", "relu5"]
WIDTHS = (256, 512, 1024, 2048)
TINY_SIZES = (56, 28, 14, 14)
UNIT = (
    *("_branch2a_input", "_branch2a", "_branch2b", "_branch2b_relu"),
    *("_branch2c", "", "_relu"),
)
INCEPTION = [
    f"inception_{block}" for block in "3a 3b 4a 4b 4c 4d 4e 5a 5b".split()
]


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def wake(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def places(name, size=224):
    """All places of a tower by the shape of the tensor there."""
    found = {}
    with keras.StatelessScope(initialize_variables=False):
        walk = Walk(name, keras.Input((size, size, 3)))
        with pytest.raises(ValueError, match="no endpoint 'nowhere'") as error:
            walk.to("nowhere")
        names = str(error.value).partition("one of [")[2].partition("]")[0]
        walk = Walk(name, keras.Input((size, size, 3)))
        for place in names.replace("'", "").split(", "):
            found[place] = tuple(walk.to(place).shape[1:])
            assert walk.endpoint == place
        end = walk.to()
        assert walk.endpoint is None and walk.tensor is end
    found[None] = tuple(end.shape[1:])
    return found


def of_units(units, stages=STAGES):
    found = []
    for names, stage in zip(units, stages):
        found.append(f"res{names[0]}_branch1")
        found += [f"res{name}{role}" for name in names for role in UNIT]
        found.append(stage)
    return found


def letters(*counts):
    return [
        [f"{stage}{'abcdefgh'[i]}" for i in range(count)]
        for stage, count in enumerate(counts, start=2)
    ]


def numbered(*counts):
    return [
        [f"{stage}a", *(f"{stage}b{i}" for i in range(1, count))]
        for stage, count in enumerate(counts, start=3)
    ]


DEEP = letters(3, 0, 0, 3)
PLACES = {
    "tiny": of_units(letters(2, 2, 2, 2)),
    "resnet50": of_units(letters(3, 4, 6, 3)),
    "resnet101": of_units([DEEP[0], *numbered(4, 23), DEEP[3]]),
    "resnet152": of_units([DEEP[0], *numbered(8, 36), DEEP[3]]),
    "vgg16": [*STAGES, "fc6", "fc7"],
    "vgg_m_2048": ["relu1", *STAGES, "fc6", "fc7"],
    "googlenet": [
        *("relu2", *INCEPTION[:2], "relu3"),
        *(*INCEPTION[2:7], "relu4", *INCEPTION[7:], "relu5"),
    ],
    "bn_inception": [
        "relu2" if block == "2" else f"inception_{block}"
        for block in "2 3a 3b 3c 4a 4b 4c 4d 4e 5a 5b".split()
    ],
    "inception_v3": [
        "relu2" if block == "2" else f"Mixed_{block}"
        for block in "2 5b 5c 5d 6a 6b 6c 6d 6e 7a 7b 7c".split()
    ],
}

# Right after the last block of a stage.
for tower, ends in (
    ("bn_inception", ("inception_3b", "inception_4d", "inception_5b")),
    ("inception_v3", ("Mixed_5d", "Mixed_6e", "Mixed_7c")),
):
    for end, stage in zip(ends, STAGES[1:]):
        PLACES[tower].insert(PLACES[tower].index(end) + 1, stage)


@pytest.mark.parametrize("name", PLACES)
def test_places_of_every_tower(name):
    found = places(name)
    assert list(found) == [*PLACES[name], None]
    row = backbones.find(name)
    if row.units:
        sizes = TINY_SIZES if name == "tiny" else (56, 28, 14, 7)
        widths = (64, 128, 192, 256) if name == "tiny" else WIDTHS
        for stage, size, width in zip((2, 3, 4, 5), sizes, widths):
            unit = row.units[stage][1]
            for place in (f"relu{stage}", f"res{unit}_branch2a_input"):
                assert found[place] == (size, size, width)
            assert found[f"res{unit}_branch2b_relu"][2] == width // 4
    if not row.fully_connected:
        *_, last = PLACES[name]
        assert found[last] == found[None]


@pytest.mark.large_on_jax
def test_plain_walk_is_the_tower():
    """However often one stops, and in parts or in one."""
    tower = wake(backbones.get("tiny", pooling=None))
    source = keras.Input((None, None, 3))
    walk = Walk("tiny", source)
    for place in PLACES["tiny"]:
        walk.to(place)
    stopped = keras.Model(source, walk.to())
    stopped.set_weights(tower.get_weights())
    walk = Walk("tiny", keras.Input((None, None, 3)))
    parts = [
        walk.part(place, name=f"to_{place}")
        for place in ("res2a", "res2b", "relu3", "relu5", None)
    ]
    assert [part.name for part in parts[:2]] == ["to_res2a", "to_res2b"]
    # Nothing is left after the last stage.
    assert len(parts[-1].layers) == 1
    names = [layer.name for part in parts for layer in part.layers[1:]]
    assert names == [layer.name for layer in tower.layers[1:]]
    for part in parts:
        for layer in part.layers[1:]:
            layer.set_weights(tower.get_layer(layer.name).get_weights())
    x = y = images(2, 40, 33, 3)
    for part in parts:
        y = part(y)
    expected = ops.convert_to_numpy(tower(x))
    assert expected.std() > 0.1
    for found in (stopped(x), y):
        np.testing.assert_allclose(
            ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-5
        )


def test_goes_on_from_what_is_put():
    """Twice the input of a residual branch: the shortcut stays as it is."""
    source = keras.Input((8, 8, 3))
    walk = Walk("tiny", source, prefix="rgb_")
    before = walk.to("res2a_relu")
    walk.to("res2b_branch2a_input")
    doubled = keras.layers.Rescaling(2, name="doubled")(walk.tensor)
    walk.put(doubled)
    walk.to("res2b")
    model = keras.Model(source, walk.tensor)
    shortcut, _ = model.get_layer("rgb_res2b").input
    assert shortcut is before
    assert model.get_layer("rgb_res2b_branch2a").input is doubled
    assert all(
        layer.name.startswith("rgb_")
        for layer in model.layers[1:]
        if layer.name != "doubled"
    )


def test_part_of_other_channels():
    walk = Walk("tiny", keras.Input((None, None, 3)))
    with keras.StatelessScope(initialize_variables=False):
        walk.to("relu3")
        walk.put(keras.KerasTensor((None, None, None, 256)))
        part = walk.part("relu4", name="joined")
    assert part.input.shape == (None, None, None, 256)
    assert part.get_layer("res4a_branch2a").kernel.shape[2] == 256
    assert part.output.shape == (None, None, None, 192)


def test_places_that_are_not_there():
    def walk(name="tiny", **arguments):
        return Walk(name, keras.Input((None, None, 3)), **arguments)

    with keras.StatelessScope(initialize_variables=False):
        with pytest.raises(
            ValueError, match="'tiny' has no endpoint 'fc6'. Exp"
        ):
            walk().to("fc6")
        passed = walk()
        passed.to("relu3")
        with pytest.raises(ValueError, match="no endpoint 'relu2' any more"):
            passed.to("relu2")
        ended = walk()
        ended.to()
        with pytest.raises(ValueError, match="no endpoint 'relu5' any more"):
            ended.to("relu5")
        with pytest.raises(ValueError, match="no endpoint 'fc6'"):
            walk("bn_inception").part("fc6", name="tower")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"backbone": "resnet18"}, "Received: backbone='resnet18'"),
        ({"backbone": "vgg16", "prefix": "rgb_"}, "residual.*'vgg16'"),
    ],
)
def test_invalid_walks(arguments, message):
    with pytest.raises(ValueError, match=message):
        Walk(images=keras.Input((None, None, 3)), **arguments)


def test_dropout_of_fully_connected_layers():
    with keras.StatelessScope(initialize_variables=False):
        for name in ("vgg16", "vgg_m_2048"):
            walk = Walk(name, keras.Input((224, 224, 20)), dropout=0.85)
            assert walk.fully_connected
            walk.to("fc6")
            part = walk.part("fc7", name="part")
            assert part.get_layer("drop6").rate == 0.85
        assert not Walk("tiny", keras.Input((8, 8, 3))).fully_connected


def test_every_family_is_walked_through():
    assert {row.family for row in BACKBONES.values()} == {*PLACES}
