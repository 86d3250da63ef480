import dataclasses
import functools

import pytest

from keras_vidrec import backbones
from keras_vidrec.weights.published import conversion
from tests.weights.references import published
from tests.weights.references.verify import verify

pytest.importorskip("torch", reason="needs keras-vidrec[torch]")


@pytest.mark.large
def test_averages_alone_differ_from_torchvision(monkeypatch):
    from tests.weights.references import inception_v3
    from tests.weights.references import networks

    checkpoint = published.checkpoint(published.inception_v3())
    tower = backbones.get("inception_v3", input_shape=(107, 122))
    conversion.convert(checkpoint, tower, backbone="inception_v3")
    with pytest.raises(ValueError, match="averages do not count the zeros"):
        verify(checkpoint, tower)
    # TensorFlow, from which torchvision has the weights, does not either.
    of_tensorflow = functools.partial(
        inception_v3.feature_map, count_padding=False
    )
    rows = [
        dataclasses.replace(row, feature_map=of_tensorflow)
        for row in networks.NETWORKS
        if "Inception-v3" in row.name
    ]
    monkeypatch.setattr(networks, "NETWORKS", rows)
    assert verify(checkpoint, tower).features < 1e-5
