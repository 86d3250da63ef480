import re

import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.weights import convert
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.recognition import recognize
from keras_vidrec.weights.published.translation import Slot
from tests.weights.schemes import matconvnet_test as matconvnet


def residual(units):
    """The tensors of a network of torchvision, of one value each: names tell
    what they are, shapes are for the conversion."""
    bn = ("weight", "bias", "running_mean", "running_var")
    names = ["conv1.weight", *(f"bn1.{name}" for name in bn)]
    for stage, count in enumerate(units, 1):
        for unit in range(count):
            start = f"layer{stage}.{unit}."
            for i in (1, 2, 3):
                names.append(f"{start}conv{i}.weight")
                names.extend(f"{start}bn{i}.{name}" for name in bn)
            if unit == 0:
                names.append(f"{start}downsample.0.weight")
                names.extend(f"{start}downsample.1.{name}" for name in bn)
    tensors = {
        name: np.ones(
            (1, 1, 1, 1)
            if "conv" in name or name.endswith("downsample.0.weight")
            else 1,
            "float32",
        )
        for name in names
    }
    tensors["fc.weight"] = np.ones((7, 1), "float32")
    tensors["fc.bias"] = np.ones(7, "float32")
    return Checkpoint("net.pth", "pytorch", tensors)


UNITS = {
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}


@pytest.mark.parametrize("wanted", UNITS)
@pytest.mark.parametrize("given", UNITS)
def test_depths(wanted, given):
    checkpoint = residual(UNITS[given])
    if wanted == given:
        translation = recognize(checkpoint, {None: wanted})
        assert translation.scheme == "torchvision or timm"
        assert translation.style == "pytorch"
        assert len(translation.pieces) == len(checkpoint.tensors)
        return
    message = (
        f"Expected weights of {wanted}. Received: net.pth, with weights of "
        f"{given}: build the model with backbone='{given}'"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        recognize(checkpoint, {None: wanted})


def test_another_backbone():
    with pytest.raises(ValueError, match="with weights of resnet50: build"):
        recognize(residual(UNITS["resnet50"]), {None: "bn_inception"})


def test_a_part_of_a_backbone_is_not_of_another_one():
    whole = residual(UNITS["resnet50"])
    tensors = {
        name: array
        for name, array in whole.tensors.items()
        if not name.startswith("layer4.2")
    }
    part = Checkpoint("net.pth", "pytorch", tensors)
    assert len(recognize(part, {None: "resnet50"}).pieces) == len(tensors)


def test_unknown_names():
    tensors = {"encoder.0": np.ones(3), "encoder.1": np.ones(3)}
    message = (
        "Received: net.pth, with 2 tensors of other names: encoder.0, encoder.1"
    )
    for format in ("pytorch", "safetensors", "caffe", "matconvnet", "keras"):
        facts = {"layout": "legacy", "layers": {}, "config": None}
        checkpoint = Checkpoint("net.pth", format, tensors, facts)
        with pytest.raises(ValueError, match=message) as caught:
            recognize(checkpoint, {None: "vgg16"})
        assert f"as known of {format} files" in str(caught.value)


def test_style_of_the_model():
    tower = backbones.get("resnet50", style="caffe")
    message = (
        "Expected weights of style 'caffe', that of 'resnet50'. Received: "
        "net.pth, of style 'pytorch': build the model with style='pytorch'"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        convert(residual(UNITS["resnet50"]), tower)


def fused():
    """A network of colors of ResNet-50 and one of motion of ResNet-152 in
    one file of MatConvNet."""
    rng = np.random.default_rng(0)
    return Checkpoint(
        "fused.mat",
        "matconvnet",
        {
            **matconvnet.residual(rng, "resnet50", suffix="_spatial"),
            **matconvnet.residual(rng, "resnet152", suffix="_temporal"),
            "more": np.ones(1, "float32"),
        },
    )


def test_streams_of_different_backbones():
    checkpoint = fused()
    backbones = {"rgb": "resnet50", "flow": "resnet152"}
    translation = recognize(checkpoint, backbones)
    assert translation.unknown == ("more",)
    assert translation.style == "msra"
    assert translation.scaling.keys() == {"rgb", "flow"}
    found = {
        stream: {
            slot.layer for slot in translation.pieces if slot.stream == stream
        }
        for stream in (*backbones, None)
    }
    assert found.pop(None) == set()
    assert "res4b35_branch2c" in found["flow"] - found["rgb"]
    assert "res4f_branch2c" in found["rgb"] - found["flow"]
    for stream, suffix in (("rgb", "spatial"), ("flow", "temporal")):
        # A convolution and a batch normalization each; and the classifier.
        units = sum(UNITS[backbones[stream]])
        assert len(found[stream]) == 2 * (3 * units + 5) + 1
        piece = translation.pieces[Slot(stream, "res5c_branch2a", "kernel")]
        assert piece.source == f"res5c_branch2a_filter_{suffix}"
        zeros = [slot for slot in translation.zero_biases if slot[0] == stream]
        assert len(zeros) == 3 * units + 4


def test_streams_of_another_backbone():
    message = (
        "Expected weights of resnet50 for flow. Received: fused.mat, with "
        "weights of resnet152: build the model with backbone='resnet152' for "
        "flow"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        recognize(fused(), {"flow": "resnet50", "rgb": "vgg16"})


def test_one_stream_for_two():
    checkpoint = residual(UNITS["resnet50"])
    message = "weights of flow + rgb. Received: net.pth, of one stream. Import"
    for flow in ("resnet50", "resnet152"):
        with pytest.raises(ValueError, match=re.escape(message)):
            recognize(checkpoint, {"rgb": "resnet50", "flow": flow})
