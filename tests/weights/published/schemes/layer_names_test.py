import pytest

from keras_vidrec import backbones
from keras_vidrec.weights.published.schemes.layer_names import layers
from keras_vidrec.weights.slots import slots


@pytest.mark.parametrize("backbone", ["resnet50", "vgg16", "vgg_m_2048"])
def test_towers_have_these_layers(backbone):
    # Without the fully connected layers, which are large.
    tower = backbones.get(backbone, endpoints=["relu5"])
    convolutions, normalizations = layers(backbone)
    found = {
        variable: {slot.layer for slot in slots(tower) if slot[2] == variable}
        for variable in ("kernel", "gamma")
    }
    assert found["gamma"] == set(normalizations)
    assert set(convolutions) - found["kernel"] <= {"fc6", "fc7"}
    assert found["kernel"] <= set(convolutions)
    assert len(set(convolutions)) == len(convolutions)
