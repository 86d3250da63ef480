import pytest

from keras_vidrec.weights.verification import verify
from tests.weights.verification import published
from tests.weights.verification.imports import converted
from tests.weights.verification.imports import tsn

pytest.importorskip("torch", reason="needs keras-vidrec[torch]")


@pytest.mark.large
def test_vgg16_of_caffe_gives_what_it_gave_there():
    checkpoint = published.checkpoint(published.caffe_vgg16(), "caffe")
    model = converted(checkpoint, tsn("vgg16"))
    assert verify(checkpoint, model).logits.relative < 1e-4
