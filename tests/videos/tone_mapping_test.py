import numpy as np
import pytest

from keras_vidrec.videos import tone_mapping
from keras_vidrec.videos import video
from tests.videos import encodings as tables


def linear(signal, kind):
    """BT.2100 in cd/m2, a pixel at a time."""
    if kind == "pq":
        root = signal ** (1 / 78.84375)
        light = max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        return 10000 * light ** (1 / 0.1593017578125)
    scene = [
        e**2 / 3
        if e <= 0.5
        else (np.exp((e - 0.55991073) / 0.17883277) + 0.28466892) / 12
        for e in signal
    ]
    luminance = np.dot((0.2627, 0.6780, 0.0593), scene)
    return 1000 * np.array(scene) * luminance**0.2


def expected(pixel, kind):
    signal = np.array(pixel) / 65535
    if kind == "pq":
        light = np.array([linear(e, kind) for e in signal])
    else:
        light = linear(signal, kind)

    # From the chromaticities of BT.2020 and BT.709 and their common white.
    def to_xyz(chromaticities):
        xyz = np.array([(x / y, 1, (1 - x - y) / y) for x, y in chromaticities])
        white = np.array((0.3127 / 0.3290, 1, 0.3583 / 0.3290))
        return xyz.T * np.linalg.solve(xyz.T, white)

    wide = to_xyz(((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)))
    narrow = to_xyz(((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)))
    light = np.linalg.solve(narrow, wide @ (light / 203)).clip(0)
    peak = light.max()
    light = (light * (1 + peak / (1000 / 203) ** 2) / (1 + peak)).clip(0, 1)
    code = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )
    return 255 * code


@pytest.mark.parametrize("kind", ["pq", "hlg"])
def test_mapping_is_as_written(kind):
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 65536, (8, 40, 3)).astype(np.uint16)
    frame[0, :3] = [[0, 0, 0], [65535] * 3, [30000] * 3]
    mapped = tone_mapping.to_sdr(frame, kind)
    assert mapped.dtype == np.uint8 and mapped.shape == frame.shape
    wanted = np.array([[expected(p, kind) for p in row] for row in frame])
    assert np.abs(mapped - wanted).max() < 1.6
    assert np.abs(mapped - wanted).mean() < 0.4
    assert mapped[0, 0].tolist() == [0, 0, 0]
    assert mapped[0, 1].tolist() == [255, 255, 255]
    assert np.ptp(mapped[0, 2].astype(int)) <= 1  # gray stays gray


@pytest.mark.parametrize(
    "curve, name", [("arib-std-b67", "hlg"), ("smpte2084", "pq")]
)
def test_videos_are_mapped(tmp_path, curve, name):
    path = tables.encode(
        tmp_path / "a.mov",
        (
            "-vf", "scale=out_color_matrix=bt2020,format=yuv444p10le",
            "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
            "log-level=none:pools=none:colorprim=bt2020:colormatrix=bt2020nc"
            f":transfer={curve}", "-colorspace", "bt2020nc",
            "-color_primaries", "bt2020", "-color_trc", curve,
        ),
    )  # fmt: skip
    health = video.probe(path)
    assert health.hdr == name
    assert any("BT.709" in remark for remark in health.remarks)
    frames = np.stack(list(video.iter_frames(path)))
    pixels = tables.ffmpeg(
        "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb48le", "-"
    )
    stored = np.frombuffer(pixels, np.uint16).reshape(frames.shape)
    wanted = np.stack([tone_mapping.to_sdr(frame, name) for frame in stored])
    np.testing.assert_array_equal(frames, wanted)
    # Not as if it were an ordinary video.
    assert np.abs(frames - (stored >> 8).astype(int)).mean() > 5
