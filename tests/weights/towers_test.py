import keras
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.weights.towers import stream_of
from keras_vidrec.weights.towers import towers


@pytest.mark.parametrize(
    "name, stream",
    [
        ("rgb", "rgb"),
        ("warped_flow_tower", "warped_flow"),
        ("rgb_diff", "rgb_diff"),
        ("tower", None),
        ("tsn", None),
        ("rgb_tower_2", None),
    ],
)
def test_a_tower_is_named_by_its_stream(name, stream):
    assert stream_of(name) == stream


def test_towers_of_a_network_and_of_a_bare_tower():
    model = TSN(backbone="tiny", modality="flow", classes=2)
    tower = model.get_layer("flow")
    assert towers(model) == {"flow": tower}
    assert towers(tower) == {}
    rgb = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    rgb.name = "rgb_tower"
    assert towers(keras.Sequential([rgb])) == {"rgb": rgb}
