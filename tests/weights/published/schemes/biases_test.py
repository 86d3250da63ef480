import pytest

from keras_vidrec import backbones
from keras_vidrec.weights.published.schemes.biases import has_bias
from keras_vidrec.weights.published.schemes.biases import zero_biases
from keras_vidrec.weights.published.translation import Slot
from keras_vidrec.weights.slots import slots


@pytest.mark.parametrize("style", ["pytorch", "msra"])
def test_towers_have_them(style):
    tower = backbones.get("resnet50", style=style, endpoints=["relu2"])
    want = slots(tower)
    biases = {slot for slot in want if slot.variable == "bias"}
    for slot in want:
        if slot.variable == "kernel":
            bias = slot._replace(variable="bias")
            assert has_bias(slot.layer, style) == (bias in biases)
    assert set(zero_biases(set(want) - biases, style)) == biases


def test_those_that_there_are_stay():
    conv1, conv2, filter_ = (
        Slot(None, layer, "kernel")
        for layer in ("conv1", "conv2", "res2b_temporal")
    )
    bias = conv1._replace(variable="bias")
    pieces = dict.fromkeys((conv1, bias, conv2, filter_))
    missing = [slot._replace(variable="bias") for slot in (conv2, filter_)]
    assert zero_biases(pieces, "msra") == tuple(missing)
    assert zero_biases(pieces, None) == tuple(missing)
    assert zero_biases(pieces, "pytorch") == tuple(missing[1:])
