"""What one pass over a video shows."""

import pytest

from keras_vidrec.videos import video
from tests.videos import encodings as tables


@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
def test_a_hole_is_named(tmp_path, name):
    """Of what it does not recognize FFmpeg says nothing."""
    path = tables.encode(
        tmp_path / name,
        (*tables.X264, "yuv420p", "-g", "12", "-cluster_time_limit", "200"),
        "testsrc2=s=128x96:r=25:d=4",
    )
    content = path.read_bytes()
    start, end = (int(len(content) * share) for share in (0.3, 0.6))
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])
    health = video.probe(path)
    assert 60 < health.num_frames < 75
    assert abs(health.num_frames + health.missing - 100) <= 1
    assert health.lost_share == pytest.approx(health.missing / 100, abs=0.01)
    assert f"{health.missing} frames are missing" in str(health.remarks)
