import numpy as np
import pytest

from tests.weights.verification import published

pytest.importorskip("torch", reason="needs keras-vidrec[torch]")

FIRST = np.ones((4, 3, 7, 7), "float32")


@pytest.mark.parametrize(
    "names, config, expected",
    [
        (("conv1", "layer1.0.conv1"), "", "ResNet of torchvision or timm"),
        (
            ("base_model.conv1", "base_model.layer1.0.conv1"),
            "",
            "ResNet of tsn-pytorch",
        ),
        (
            ("backbone.conv1", "backbone.layer1.0.conv1"),
            "",
            "ResNet of mmaction",
        ),
        (
            ("backbone.conv1.conv", "backbone.layer1.0.conv1.conv"),
            "style='pytorch'",
            "ResNet of mmaction2",
        ),
        (
            ("backbone.conv1.conv", "backbone.layer1.0.conv1.conv"),
            "style='caffe'",
            "Caffe-style ResNet of mmaction2",
        ),
        (
            ("net.conv1_7x7_s2", "net.inception_3a_double_3x3_1"),
            "",
            "BN-Inception of PyTorch",
        ),
        (("features.0", "pre_logits.fc1"), "", "VGG-16 of timm"),
    ],
)
def test_networks_by_their_names(names, config, expected):
    from keras_vidrec.weights.verification.networks import PublishedNetwork

    tensors = {f"{name}.weight": FIRST for name in names}
    found = PublishedNetwork(
        published.checkpoint(tensors, facts={"config": config})
    )
    assert (found.name, found.channels) == (expected, 3)


def test_unknown_networks():
    from keras_vidrec.weights.verification.networks import PublishedNetwork

    checkpoint = published.checkpoint({"conv9.weight": np.ones(3)})
    with pytest.raises(ValueError, match="BN-Inception of Caffe, VGG-16"):
        PublishedNetwork(checkpoint)
