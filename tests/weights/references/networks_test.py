import numpy as np
import pytest

from tests.weights.references import published

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")

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
        (
            ("conv_stem", "blocks.0.0.conv_dw"),
            "",
            "EfficientNet-Lite of timm",
        ),
    ],
)
def test_networks_by_their_names(names, config, expected):
    from tests.weights.references.networks import PublishedNetwork

    tensors = {f"{name}.weight": FIRST for name in names}
    found = PublishedNetwork(
        published.checkpoint(tensors, facts={"config": config})
    )
    assert (found.name, found.channels) == (expected, 3)


def test_resnets_of_matconvnet_have_the_strides_of_caffe():
    from tests.weights.references.networks import PublishedNetwork

    kernel = np.ones((7, 7, 3, 4), "float32")
    tensors = {"conv1_filter": kernel, "res3b_branch2a_filter": kernel}
    for strides in ({}, {"res3a_branch2b": (1, 1), "res3a_branch2a": (2, 2)}):
        found = PublishedNetwork(
            published.checkpoint(tensors, "matconvnet", {"strides": strides})
        )
        assert (found.name, found.channels) == ("ResNet of MatConvNet", 3)
    facts = {"strides": {"res3a_branch2b": (2, 2)}}
    with pytest.raises(ValueError, match="ResNet of MatConvNet, .*Received"):
        PublishedNetwork(published.checkpoint(tensors, "matconvnet", facts))


def test_unknown_networks():
    from tests.weights.references.networks import PublishedNetwork

    checkpoint = published.checkpoint({"conv9.weight": np.ones(3)})
    with pytest.raises(ValueError, match="BN-Inception of Caffe, VGG-16"):
        PublishedNetwork(checkpoint)


@pytest.mark.parametrize("name", ["predictions", "probs"])
def test_both_names_of_the_classifier_of_keras_resnets(name):
    from tests.weights.references.networks import PublishedNetwork

    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(5, 4)).astype("float32")
    bias = rng.normal(size=4).astype("float32")
    stem = np.ones((7, 7, 3, 64), "float32")
    network = PublishedNetwork(
        published.checkpoint(
            {
                "conv1_conv/kernel": stem,
                "conv2_block1_1_conv/kernel": stem,
                f"{name}/kernel": kernel,
                f"{name}/bias": bias,
            },
            "keras",
        )
    )
    assert network.name == "ResNet of keras.applications"
    maps = rng.normal(size=(2, 5, 3, 3)).astype("float32")
    np.testing.assert_allclose(
        network.logits(torch.tensor(maps)),
        maps.mean((2, 3)) @ kernel + bias,
        rtol=1e-4,
        atol=1e-6,
    )
