import pytest

from keras_vidrec import backbones
from keras_vidrec.weights.published.schemes import bn_inception_names


def test_convolutions():
    names = ["/".join(pair) for pair in bn_inception_names.convolutions()]
    assert names[:5] == [
        "conv1/7x7_s2",
        "conv2/3x3_reduce",
        "conv2/3x3",
        "inception_3a/1x1",
        "inception_3a/3x3_reduce",
    ]
    assert [name for name in names if "4e" in name] == [
        "inception_4e/3x3_reduce",
        "inception_4e/3x3",
        "inception_4e/double_3x3_reduce",
        "inception_4e/double_3x3_1",
        "inception_4e/double_3x3_2",
    ]
    assert names[-1] == "inception_5b/pool_proj"
    assert len(set(names)) == len(names) == 69


@pytest.mark.large_on_jax
def test_they_are_those_of_the_tower():
    convolutions, normalizations = bn_inception_names.torch_modules()
    tower = backbones.get("bn_inception")
    layers = [layer.name for layer in tower.layers if layer.weights]
    assert len(layers) == len(convolutions) + len(normalizations)
    assert set(layers) == convolutions.keys() | normalizations.keys()
    assert all(a == b for a, b in (convolutions | normalizations).items())
