import pytest

from keras_vidrec import backbones
from keras_vidrec.weights.published import conversion
from tests.weights.references import published
from tests.weights.references.imports import converted
from tests.weights.references.imports import prefixed
from tests.weights.references.imports import saved
from tests.weights.references.imports import tsn
from tests.weights.references.verify import verify

pytest.importorskip("torch", reason="needs keras-vidrec[torch]")


@pytest.mark.large_on_jax
@pytest.mark.parametrize(
    "modality, channels, prefix, head",
    [
        ("flow", 10, "module.base_model.", "module.new_fc"),
        pytest.param("rgb", 3, "", "last_linear", marks=pytest.mark.large),
        pytest.param(
            "rgb_diff",
            15,
            "module.base_model.",
            "module.new_fc",
            marks=pytest.mark.large,
        ),
    ],
)
def test_bn_inception_of_pytorch_gives_what_it_gave_there(
    modality, channels, prefix, head, tmp_path
):
    tensors = published.bn_inception(channels, head=head, norm_rank=2)
    path = tmp_path / "bn_inception.pth"
    checkpoint = saved(prefixed(prefix, tensors, head), path)
    model = converted(checkpoint, tsn("bn_inception", modality))
    found = verify(checkpoint, model)
    assert found.features < 1e-4 and found.logits < 1e-4
    assert found.image_shape == (2, 224, 224, channels)


@pytest.mark.large
def test_bn_inception_of_caffe_gives_what_it_gave_there():
    tensors = published.caffe_bn_inception(channels=10)
    checkpoint = published.checkpoint(tensors, "caffe")
    model = converted(checkpoint, tsn("bn_inception", "flow"))
    assert verify(checkpoint, model).logits < 1e-4


@pytest.mark.large_on_jax
def test_bn_inception_rounds_the_sizes_of_odd_images_up():
    checkpoint = published.checkpoint(published.bn_inception())
    tower = backbones.get("bn_inception", input_shape=(97, 131))
    conversion.convert(checkpoint, tower, backbone="bn_inception")
    found = verify(checkpoint, tower)
    assert found.image_shape == (2, 97, 131, 3) and found.logits is None
