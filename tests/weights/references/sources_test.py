import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")


def test_bvlc_moments_are_divided_by_their_weight():
    from tests.weights.references.sources import CaffeSource

    blobs = {
        "bn_conv1:0": np.array([2.0, 4.0]),
        "bn_conv1:1": np.array([6.0, 8.0]),
        "bn_conv1:2": np.array([2.0]),
        "scale_conv1:0": np.array([5.0, 6.0]),
        "scale_conv1:1": np.array([7.0, 8.0]),
    }
    norm = CaffeSource(blobs).normalization("bn_conv1")
    assert norm.mean.tolist() == [1, 2] and norm.variance.tolist() == [3, 4]
    assert norm.gamma.tolist() == [5, 6] and norm.beta.tolist() == [7, 8]
    # A network that was never trained.
    blobs["bn_conv1:2"] = np.array([0.0])
    norm = CaffeSource(blobs).normalization("bn_conv1")
    assert norm.mean.tolist() == norm.variance.tolist() == [0, 0]


def test_matconvnet_divides_by_its_deviations():
    from tests.weights.references import sources

    for source, (slope, bias, moments) in (
        (sources.MatConvNetSource, "mbx"),
        (sources.ImportedMatConvNetSource, ("_mult", "_bias", "_moments")),
    ):
        parameters = {
            f"bn1{slope}": np.array([[5.0], [6.0]]),
            f"bn1{bias}": np.array([[7.0], [8.0]]),
            f"bn1{moments}": np.array([[1.0, 0.5], [2.0, 2.0]]),
        }
        norm = source(parameters).normalization("bn1")
        x = torch.tensor([[3.0, -4.0]])
        found = torch.nn.functional.batch_norm(x, *norm, eps=1e-5)
        expected = [[5 * (3 - 1) / 0.5 + 7, 6 * (-4 - 2) / 2 + 8]]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_fully_connected_layers_see_maps_in_their_library_s_order():
    from tests.weights.references.sources import KerasSource
    from tests.weights.references.sources import PyTorchSource

    rng = np.random.default_rng(0)
    maps = rng.normal(size=(1, 3, 2, 5)).astype("float32")
    kernel = rng.normal(size=(4, 30)).astype("float32")
    source = PyTorchSource({"a.fc.weight": kernel}, "a.")
    found, bias = source.dense("fc", (3, 2, 5))
    assert bias is None and source.layers() == ["fc"]
    expected = kernel @ maps.ravel()
    y = torch.nn.functional.conv2d(torch.tensor(maps), found)
    np.testing.assert_allclose(y.flatten(), expected, rtol=1e-5)
    kernel = rng.normal(size=(30, 4)).astype("float32")
    found, _ = KerasSource({"fc/kernel": kernel}).dense("fc", (3, 2, 5))
    expected = maps.transpose(0, 2, 3, 1).ravel() @ kernel
    y = torch.nn.functional.conv2d(torch.tensor(maps), found)
    np.testing.assert_allclose(y.flatten(), expected, rtol=1e-5)


def test_a_missing_tensor_is_named():
    from tests.weights.references.sources import PyTorchSource

    with pytest.raises(ValueError, match="'a.conv1.weight' among them"):
        PyTorchSource({}, "a.").convolution("conv1")
