import numpy as np
import pytest

from keras_vidrec.weights.published.readers import matconvnet_file
from tests.weights.published.readers.matlab_files import WRITERS


def single(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("f4")


def row(*numbers):
    return np.array([numbers], "float64")


PARAMS = {
    "conv1_filter": single(7, 7, 3, 4),
    "bn_conv1_mult": single(4, 1),
    "bn_conv1_bias": single(4, 1),
    "bn_conv1_moments": single(4, 2),
    "fc1000_filter": single(1, 1, 4, 3),
    "fc1000_bias": single(1, 3),
}


def dag():
    """What `DagNN.saveobj` makes of a network."""
    shared = {"inputs": ["x"], "outputs": ["y"]}
    return {
        "vars": ({"name": "data", "precious": np.array([[False]])},) * 2,
        "params": tuple(
            {
                "name": name,
                "value": value,
                "learningRate": row(1),
                "weightDecay": row(1),
            }
            for name, value in PARAMS.items()
        ),
        "layers": (
            {
                "name": "conv1",
                "type": "dagnn.Conv",
                "params": ["conv1_filter"],
                "block": {
                    "hasBias": np.array([[False]]),
                    "stride": row(2, 2),
                    "pad": row(3, 3, 3, 3),
                },
                **shared,
            },
            {
                "name": "conv1_relu",
                "type": "dagnn.ReLU",
                "params": [],
                "block": {"leak": row(0)},
                **shared,
            },
            {
                "name": "fc1000",
                "type": "dagnn.Conv",
                "params": ["fc1000_filter", "fc1000_bias"],
                "block": {"hasBias": np.array([[True]]), "stride": row(1)},
                **shared,
            },
        ),
        "meta": {
            "normalization": {
                "averageImage": np.full((2, 2, 3), 120.5, "f4"),
                "imageSize": row(224, 224, 3),
            },
            "classes": {"name": ["n01", "n02", "n03"]},
        },
        "conserveMemory": np.array([[True]]),
    }


def simple(old):
    """A SimpleNN of today, or of the first version."""

    def weights(*arrays):
        if old:
            return dict(zip(("filters", "biases"), arrays))
        return {"weights": list(arrays)}

    kernel, bias = single(7, 7, 3, 4), single(1, 4)
    layers = [
        {
            "name": "conv1",
            "type": "conv",
            **weights(kernel, bias),
            "stride": row(2, 2),
        },
        {"name": "relu1", "type": "relu"},
        # Without biases; and without a name, as put in by the authors of
        # two-stream fusion.
        {"name": "fc6", "type": "conv", **weights(kernel, row()[:, :0])},
        {"type": "dropout", "rate": row(0.5)},
        {"type": "conv", **weights(kernel[:1, :1], bias), "stride": row(1)},
        {"type": "softmaxloss"},
    ]
    return layers, {
        "conv1f": kernel,
        "conv1b": bias,
        "fc6f": kernel,
        "layer5f": kernel[:1, :1],
        "layer5b": bias,
    }


def check_tensors(checkpoint, expected):
    assert checkpoint.format == "matconvnet"
    assert list(checkpoint.tensors) == list(expected)
    for name, value in expected.items():
        assert checkpoint.tensors[name].dtype == "float32"
        np.testing.assert_array_equal(checkpoint.tensors[name], value)


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize("inside", [True, False])
def test_dag(tmp_path, version, inside):
    path = tmp_path / "net.mat"
    variables = {"net": dag(), "stats": row(1)} if inside else dag()
    WRITERS[version](path, variables)
    assert matconvnet_file.recognizes(path, path.read_bytes()[:4096])
    checkpoint = matconvnet_file.read(path)
    check_tensors(checkpoint, PARAMS)
    average = checkpoint.facts.pop("average_image")
    np.testing.assert_array_equal(average, np.full((2, 2, 3), 120.5))
    assert checkpoint.facts == {
        "image_size": (224, 224, 3),
        "strides": {"conv1": (2, 2), "fc1000": (1, 1)},
        "has_bias": {"conv1": False, "fc1000": True},
        "class_names": ("n01", "n02", "n03"),
    }


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize("old", [True, False])
def test_simple(tmp_path, version, old):
    """Parameters get the names that MatConvNet's conversion gives them."""
    layers, expected = simple(old)
    normalization = {"averageImage": row()[:, :0], "imageSize": row(9, 9, 3)}
    variables = {"layers": layers, "normalization": normalization}
    if not old:
        variables = {"net": {"layers": layers, "meta": {"classes": row(1)}}}
    WRITERS[version](tmp_path / "net.mat", variables)
    checkpoint = matconvnet_file.read(tmp_path / "net.mat")
    check_tensors(checkpoint, expected)
    assert checkpoint.facts == {
        "average_image": None,
        "image_size": (9, 9, 3) if old else None,
        "strides": {"conv1": (2, 2), "layer5": (1, 1)},
        "has_bias": {"conv1": True, "fc6": False, "layer5": True},
        "class_names": None,
    }


@pytest.mark.parametrize("version", WRITERS)
def test_batch_normalization_of_simple(tmp_path, version):
    values = [single(4, 1), single(1, 4), single(4, 2)]
    layer = {"name": "bn1", "type": "bnorm", "weights": values}
    WRITERS[version](tmp_path / "net.mat", {"layers": [layer]})
    checkpoint = matconvnet_file.read(tmp_path / "net.mat")
    check_tensors(checkpoint, dict(zip(("bn1m", "bn1b", "bn1x"), values)))


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize(
    "variables, message",
    [
        ({"images": row(1, 2)}, "Expected a network of MatConvNet.*none of th"),
        ({"net": row(1, 2)}, "Expected a network of MatConvNet.*'net'"),
        (
            {"params": ({"name": "a", "value": row(1)},) * 2},
            "Expected parameters with different names.*'a'",
        ),
        (
            {"layers": [{"type": "conv", "weights": ["on the GPU"]}]},
            "arrays in main memory.*'layer1f'",
        ),
    ],
)
def test_no_network(tmp_path, version, variables, message):
    WRITERS[version](tmp_path / "net.mat", variables)
    with pytest.raises(ValueError, match=message):
        matconvnet_file.read(tmp_path / "net.mat")


@pytest.mark.parametrize("version", WRITERS)
def test_damaged_files(tmp_path, version):
    path = tmp_path / "net.mat"
    WRITERS[version](path, {"net": dag()})
    whole = path.read_bytes()
    for size in (128, 200, 600, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="Received: .*net.mat"):
            matconvnet_file.read(path)


def test_other_files(tmp_path):
    path = tmp_path / "net.mat"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert not matconvnet_file.recognizes(path, path.read_bytes())
    with pytest.raises(ValueError, match="file of MATLAB, version 5 to 7.3"):
        matconvnet_file.read(path)
