import colorsys

import numpy as np
import pytest

from keras_vidrec.flow import codec


@pytest.mark.parametrize("bound", [20.0, 7, 0.3])
def test_code_is_that_of_the_formula(bound):
    # Far from the middles between two codes, where float32 may round either
    # way.
    steps = np.arange(256)[:, None] + np.array([-0.49, 0, 0.49])
    flow = np.clip(steps, 0, 255) * (2 * bound / 255) - bound
    code = codec.encode(flow, bound)
    assert code.dtype == np.uint8
    np.testing.assert_array_equal(code, np.arange(256)[:, None].repeat(3, 1))
    np.testing.assert_array_equal(
        code, np.rint(255 * (flow + bound) / (2 * bound))
    )


@pytest.mark.parametrize("bound", np.random.default_rng(0).uniform(0.1, 99, 9))
def test_still_is_128_whatever_the_bound(bound):
    assert codec.encode(0.0, bound) == 128
    assert codec.encode([-2 * bound, 2 * bound], bound).tolist() == [0, 255]


def test_round_trips():
    flow = np.random.default_rng(0).uniform(-20, 20, (3, 50, 40, 2))
    flow[0, 0, :5, 0] = [-20, 20, 0, 1e-6, -1e-6]
    decoded = codec.decode(codec.encode(flow))
    assert decoded.dtype == np.float32
    error = np.abs(decoded - flow)
    assert error.max() <= 20 / 255 + 1e-5
    assert error.max() > 0.95 * 20 / 255  # no code is wasted
    every = np.arange(256, dtype=np.uint8)
    for bound in (20.0, 8):
        np.testing.assert_array_equal(
            codec.encode(codec.decode(every, bound), bound), every
        )


def test_picture_has_the_hue_of_the_direction():
    rng = np.random.default_rng(0)
    flow = rng.uniform(-4, 4, (6, 7, 2)).astype(np.float32)
    flow[0, 0] = 0
    picture = codec.to_picture(flow, max_magnitude=5)
    assert picture.shape == (6, 7, 3) and picture.dtype == np.uint8
    for (x, y), pixel in zip(flow.reshape(-1, 2), picture.reshape(-1, 3)):
        expected = colorsys.hsv_to_rgb(
            np.arctan2(y, x) / (2 * np.pi) % 1, min(np.hypot(x, y) / 5, 1), 1
        )
        np.testing.assert_allclose(pixel, 255 * np.array(expected), atol=0.51)
    assert picture[0, 0].tolist() == [255, 255, 255]


def test_picture_scales_to_the_longest_known_vector():
    flow = np.array([[3.0, 0], [0, -6], [1e10, 0], [np.nan, 0]])
    picture = codec.to_picture(flow)
    assert picture.tolist() == [
        [255, 128, 128],  # half of the longest
        [128, 0, 255],
        [0, 0, 0],
        [0, 0, 0],
    ]
    assert (codec.to_picture(np.zeros((2, 2, 2))) == 255).all()
    assert codec.to_picture(np.zeros((0, 4, 2))).shape == (0, 4, 3)


def test_flo_round_trip(tmp_path):
    path = tmp_path / "deep" / "motion.flo"
    flow = np.random.default_rng(0).normal(size=(4, 6, 2)).astype(np.float32)
    flow[2, 3] = 1.7e9
    codec.write_flo(path, flow)
    np.testing.assert_array_equal(codec.read_flo(path), flow)
    content = path.read_bytes()
    assert content[:4] == b"PIEH" and len(content) == 12 + 4 * 6 * 2 * 4
    assert np.frombuffer(content[4:12], "<i4").tolist() == [6, 4]
    assert [child.name for child in path.parent.iterdir()] == ["motion.flo"]


@pytest.mark.parametrize("scene", ["RubberWhale", "Dimetrodon"])
def test_middlebury_files(real_data, scene, tmp_path):
    path = real_data / "optical_flow" / scene / "flow10.flo"
    flow = codec.read_flo(path)
    assert flow.shape == (388, 584, 2)
    known = (np.abs(flow) <= 1e9).all(-1)
    assert 0.9 < known.mean() < 1 and np.abs(flow[known]).max() < 20
    # The mean length, known from others' evaluations.
    length = np.hypot(*flow[known].T).mean()
    expected = {"RubberWhale": 1.256, "Dimetrodon": 2.058}[scene]
    assert length == pytest.approx(expected, abs=5e-4)
    codec.write_flo(tmp_path / "copy.flo", flow)
    assert (tmp_path / "copy.flo").read_bytes() == path.read_bytes()
    black = (codec.to_picture(flow) == 0).all(-1)
    np.testing.assert_array_equal(black, ~known)


@pytest.mark.parametrize(
    "content, received",
    [
        (b"", "begins with b''"),
        (b"JFIF" + bytes(24), "begins with b'JFIF'"),
        (b"PIEH" + bytes(8), "12 bytes for 0 x 0 pixels"),
        (b"PIEH\2\0\0\0\1\0\0\0" + bytes(15), "27 bytes for 1 x 2 pixels"),
        (b"PIEH\2\0\0\0\1\0\0\0" + bytes(17), "29 bytes for 1 x 2 pixels"),
    ],
)
def test_what_is_no_flo(tmp_path, content, received):
    path = tmp_path / "bad.flo"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"bad\.flo.*{received}"):
        codec.read_flo(path)


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "motion.flo"
    codec.write_flo(path, np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"shape \(2, 2, 3\)"):
        codec.write_flo(path, np.zeros((2, 2, 3)))
    assert codec.read_flo(path).shape == (2, 2, 2)


@pytest.mark.parametrize(
    "call, received",
    [
        (lambda: codec.encode(np.zeros(2), 0), "bound=0"),
        (lambda: codec.decode(np.zeros(2, np.uint8), -1.0), "bound=-1.0"),
        (lambda: codec.encode([0, np.nan]), "NaN"),
        (lambda: codec.decode(np.zeros(2)), "float64"),
        (lambda: codec.to_picture(np.zeros((4, 3))), r"shape \(4, 3\)"),
        (lambda: codec.to_picture(np.zeros(2), 0), "max_magnitude=0"),
        (lambda: codec.write_flo("no.flo", np.zeros(2)), r"shape \(2,\)"),
    ],
)
def test_invalid_arguments(call, received):
    with pytest.raises(ValueError, match=f"Received: .*{received}"):
        call()


@pytest.mark.parametrize("factors", [(0.5, 0.25), (1.0, 1.5), (3.0, 2.0)])
def test_scaled_code_is_that_of_scaled_flow(factors):
    rng = np.random.default_rng(0)
    flow = rng.uniform(-20, 20, (2, 5, 7, 2)).astype("float32")
    scaled = codec.scale(codec.encode(flow), factors)
    wanted = codec.encode(flow * np.float32(factors))
    # Half a step of the stored code becomes longer, too.
    assert scaled.shape == flow.shape and scaled.dtype == np.uint8
    steps = np.abs(scaled.astype(int) - wanted)
    assert steps.max() <= 0.5 * max(factors) + 1
    # Still, and still mirrored, stay so.
    still = np.array([127, 128], np.uint8).reshape(1, 1, 1, 2)
    np.testing.assert_array_equal(codec.scale(still, factors), still)


def test_flow_of_the_same_size_is_not_scaled():
    code = np.zeros((1, 2, 3, 2), np.uint8)
    assert codec.scale(code, (1, 1)) is code
