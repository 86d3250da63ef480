import pytest

from keras_vidrec.weights.verification import verify
from tests.weights.verification import published
from tests.weights.verification.imports import converted
from tests.weights.verification.imports import tsn

pytest.importorskip("torch", reason="needs keras-vidrec[torch]")


@pytest.mark.large
@pytest.mark.parametrize("modality, channels", [("rgb", 3), ("flow", 10)])
def test_vgg_m_of_matconvnet_gives_what_it_gave_there(modality, channels):
    tensors = published.vgg_m_2048(channels)
    checkpoint = published.checkpoint(tensors, "matconvnet")
    model = converted(checkpoint, tsn("vgg_m_2048", modality))
    assert verify(checkpoint, model).logits.relative < 1e-4
