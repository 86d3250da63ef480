import cv2
import keras
import numpy as np
import pytest

from keras_vidrec import applications
from keras_vidrec.layers import ConvFusion3D
from keras_vidrec.layers import StreamFusion
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import fusion_filters
from tests.visualization.trained_fusion import tower
from tests.visualization.trained_fusion import trained_fusion

FILTERS = 6


def conv3d(kernel_change=None):
    layer = ConvFusion3D(FILTERS, name="fusion_relu5")
    layer.build([(None, 5, 4, 4, FILTERS)] * 2)
    kernel = keras.ops.convert_to_numpy(layer.kernel).copy()
    start = kernel.copy()
    if kernel_change is not None:
        kernel_change(kernel)
        layer.kernel.assign(kernel)
    return layer, start, kernel


def plant(kernel):
    """Filter 2 joins channel 4 of rgb, one time before and one pixel to the
    right, with channel 1 of flow, one time after and one pixel up."""
    kernel[0, 1, 2, 4, 2] = 3
    kernel[2, 0, 1, FILTERS + 1, 2] = -4


def test_a_planted_pair_is_found():
    layer, start, kernel = conv3d(plant)
    found = fusion_filters.measure(layer)
    (rgb,), (flow,) = found.strongest().values()
    assert rgb.tolist() == [0, 1, 4, 3, 4, 5]
    assert flow.tolist() == [0, 1, 1, 3, 4, 5]
    assert found.differing == 1
    joined = found.joined
    assert np.unravel_index(joined.argmax(), joined.shape) == (4, 1)
    assert joined[4, 1] == pytest.approx(3 * 4, rel=1e-5)
    for stream, place in (("rgb", (0, 1, 2)), ("flow", (2, 0, 1))):
        spread = found.spreads[stream]
        assert np.unravel_index(spread.argmax(), spread.shape) == place
        assert spread.sum() == pytest.approx(1)
    assert found.moved == pytest.approx(
        np.linalg.norm(kernel - start) / np.linalg.norm(start), rel=1e-5
    )
    expected = np.zeros(FILTERS)
    expected[2] = 5 / np.linalg.norm(start[..., 2])
    np.testing.assert_allclose(found.moved_filters, expected, rtol=1e-5)
    added = found.changes["flow"]
    assert added[1, 2] == pytest.approx(4) and np.count_nonzero(added) == 1

    header, rows = fusion_filters.table(found, most=2)
    rows = [dict(zip(header, row)) for row in rows]
    assert len(rows) == 2 * FILTERS
    first, second = (row for row in rows if row["filter"] == 2)
    assert (first["rank"], first["rgb"], first["flow"]) == (1, 4, 1)
    assert (first["rgb_strength"], first["flow_strength"]) == ("3", "4")
    assert first["same"] == "no" and second["same"] == "yes"
    # What is planted lies beside the middle, in time and in space.
    assert float(first["rgb_other_times"]) > 0.99
    assert float(first["flow_other_places"]) > 0.99
    assert rows[0]["same"] == "yes" and rows[0]["moved"] == "0"


def test_before_training_nothing_has_moved():
    found = fusion_filters.measure(conv3d()[0])
    assert found.moved == 0 and found.differing == 0
    bell = np.exp(-np.array([1, 0, 1])) ** 1  # squares of exp(-x^2 / 2)
    bell /= bell.sum()
    expected = np.einsum("t,y,x->tyx", bell, bell, bell)
    for stream in ("rgb", "flow"):
        np.testing.assert_allclose(found.spreads[stream], expected, rtol=1e-4)
    # Of a Gaussian the flow counts three times as much, in each filter.
    shares = [s.diagonal() for s in found.strengths.values()]
    np.testing.assert_allclose(shares[1], 3 * shares[0], rtol=1e-5)
    assert "changed the weights by 0 %" in fusion_filters.summary(found)


def test_position_on_position_and_from_a_random_start():
    layer = StreamFusion("conv", name="fusion_fc6")
    layer.build([(None, 3), (None, 3)])
    kernel = keras.ops.convert_to_numpy(layer.kernel).copy()
    kernel[[0, 3 + 2], [1, 1]] = 2, -2
    layer.kernel.assign(kernel)
    found = fusion_filters.measure(layer)
    assert found.kernels["rgb"].shape == (1, 1, 1, 3, 3)
    (rgb,), (flow,) = found.strongest().values()
    assert rgb.tolist() == [0, 0, 2] and flow.tolist() == [0, 2, 2]
    assert found.moved == pytest.approx(np.sqrt(8 / 6))
    # Three matrices, what training added to two, and the pairs.
    assert len(fusion_filters.draw(found).axes) == 6

    layer = StreamFusion("conv", initialization="random")
    layer.build([(None, 3), (None, 5)])
    found = fusion_filters.measure(layer)
    assert found.kernels["flow"].shape == (1, 1, 1, 5, 3)
    assert found.moved is None and found.changes is None
    assert "was random" in fusion_filters.summary(found)
    assert len(fusion_filters.draw(found).axes) == 3
    header, rows = fusion_filters.table(found)
    assert next(rows)[header.index("moved")] == ""


def test_a_trained_network_as_a_figure_in_a_file(tmp_path):
    layer = fusion_filters.find(trained_fusion())
    assert layer.name == "fusion_relu1"
    found = fusion_filters.measure(layer)
    assert found.moved > 0.1
    figure = fusion_filters.draw(found)
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    np.testing.assert_allclose(shown[0], found.strengths["rgb"].T)
    np.testing.assert_allclose(shown[1], found.strengths["flow"].T)
    np.testing.assert_allclose(shown[2], found.joined)
    np.testing.assert_allclose(shown[3], found.changes["rgb"].T)
    # Before training and after, of each stream the three times.
    assert len(shown) == 5 + 2 * 2 * 3
    np.testing.assert_allclose(shown[-1], found.spreads["flow"][2])
    for name in ("fusion.png", "fusion.svg"):
        figures.save(figure, tmp_path / name)
    assert cv2.imread(str(tmp_path / "fusion.png")).shape[0] > 500
    assert "<svg" in (tmp_path / "fusion.svg").read_text("utf-8")


def test_which_fusion():
    def fused(**arguments):
        return applications.TwoStreamFusion(
            classes=2,
            backbone={stream: tower(stream) for stream in ("rgb", "flow")},
            num_segments=1,
            snippet_length=2,
            temporal_pooling=None,
            **arguments,
        )

    several = fused(fusion="conv", fusion_layer=("relu1", "fc8"))
    with pytest.raises(ValueError, match="'fusion_relu1', 'fusion_fc8'.*None"):
        fusion_filters.find(several)
    layer = fusion_filters.find(several, "fusion_fc8")
    assert fusion_filters.measure(layer).joined.shape == (2, 2)
    with pytest.raises(ValueError, match=r"with fusions \['sum'\]"):
        fusion_filters.find(fused(fusion="sum", fusion_layer="relu1"))
    with pytest.raises(ValueError, match="Received: model='rgb_own'$"):
        fusion_filters.find(tower("rgb"))
