import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from keras_vidrec.weights.published import conversion
from keras_vidrec.weights.published.readers.opening import open_checkpoint
from tests.weights.references import published
from tests.weights.references.imports import saved_by_mmaction2
from tests.weights.references.imports import tsn
from tests.weights.references.verify import verify

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")

RESNET50 = (3, 4, 6, 3)
RESNET101 = (3, 4, 23, 3)


@pytest.mark.large
def test_keras_applications_in_pytorch(tmp_path):
    from tests.weights.references.networks import PublishedNetwork

    theirs = keras.applications.ResNet50(
        weights=None, include_top=False, input_shape=(70, 65, 3)
    )
    rng = np.random.default_rng(0)
    for layer in theirs.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(
                [rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
            )
    path = tmp_path / "resnet50.keras"
    theirs.save(path)
    checkpoint = open_checkpoint(path)
    x = rng.normal(size=(2, 70, 65, 3)).astype("float32")
    network = PublishedNetwork(checkpoint)
    with torch.inference_mode():
        maps = network.feature_map(torch.tensor(x.transpose(0, 3, 1, 2)))
    expected = ops.convert_to_numpy(theirs(x))
    np.testing.assert_allclose(
        maps.permute(0, 2, 3, 1),
        expected,
        atol=1e-5 * np.abs(expected).max(),
        rtol=0,
    )
    assert network.logits(maps) is None
    tower = backbones.get("resnet50_caffe", input_shape=(70, 65))
    conversion.convert(checkpoint, tower, backbone="resnet50_caffe")
    assert verify(checkpoint, tower).features < 1e-5


@pytest.mark.large
@pytest.mark.parametrize(
    "style, backbone, key, network",
    [
        # As MMAction2 0.x and 1.x call the configuration.
        (
            "caffe",
            "resnet50_caffe",
            "config",
            "Caffe-style ResNet of mmaction2",
        ),
        ("pytorch", "resnet50", "cfg", "ResNet of mmaction2"),
    ],
)
def test_a_file_of_mmaction2_gives_what_it_gave_there(
    tmp_path, style, backbone, key, network
):
    """The configuration in it tells the strides."""
    checkpoint = saved_by_mmaction2(
        published.mmaction2_resnet(RESNET50),
        tmp_path / "epoch_100.pth",
        {key: f"model = dict(backbone=dict(type='ResNet', style='{style}'))"},
    )
    tower = backbones.get(backbone)
    report = conversion.convert(checkpoint, tower, backbone=backbone)
    assert report.scheme == "mmaction2"
    found = verify(checkpoint, tower)
    assert found.network == network
    assert found.features < 1e-4


@pytest.mark.large
@pytest.mark.parametrize(
    "backbone, units, ends",
    [
        ("resnet50", RESNET50, ("_filter", "_bias", "_mult", "_moments")),
        ("resnet101", RESNET101, ("_filter", "_bias", "_mult", "_moments")),
        ("resnet50", RESNET50, ("f", "b", "m", "x")),
    ],
)
def test_resnets_of_matconvnet_give_what_they_gave_there(backbone, units, ends):
    tensors = published.matconvnet_resnet(units, *ends)
    checkpoint = published.checkpoint(tensors, "matconvnet")
    model = tsn(f"{backbone}_msra")
    conversion.convert(checkpoint, model)
    found = verify(checkpoint, model)
    assert found.features < 1e-4 and found.logits < 1e-4


@pytest.mark.large
@pytest.mark.parametrize(
    "backbone, units", [("resnet50", RESNET50), ("resnet101", RESNET101)]
)
def test_resnets_of_caffe_give_what_they_gave_there(backbone, units):
    checkpoint = published.checkpoint(published.caffe_resnet(units), "caffe")
    tower = backbones.get(f"{backbone}_msra")
    conversion.convert(checkpoint, tower, backbone=f"{backbone}_msra")
    assert verify(checkpoint, tower).features < 1e-4
