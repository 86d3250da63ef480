import io

import av
import numpy as np
import pytest

from keras_vidrec.data.prepared import remote_file
from keras_vidrec.data.prepared import storage
from keras_vidrec.videos import video
from tests import servers
from tests.data import numbered_video

CONTENT = np.random.default_rng(0).bytes(3 * 2**20 + 7)


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    directory = tmp_path_factory.mktemp("served")
    (directory / "a.bin").write_bytes(CONTENT)
    (directory / "none.bin").write_bytes(b"")
    numbered_video.write(directory / "clip.mp4", 60)
    with servers.running(servers.Files(directory)) as server:
        yield server


@pytest.fixture
def file(web):
    web.reset()
    return (storage.as_path(f"{web.url}?key=value") / "a.bin").open()


def test_it_is_read_as_a_file(file, web):
    local, rng = io.BytesIO(CONTENT), np.random.default_rng(1)
    assert file.name == f"{web.url}/a.bin"
    for _ in range(200):
        place, count = (int(n) for n in rng.integers(0, (3 * 2**20, 9000)))
        assert file.seek(place) == local.seek(place) == file.tell()
        part = file.read(count)
        assert part == local.read(len(part)) and (part or not count)
    assert file.seek(-9, io.SEEK_END) == len(CONTENT) - 9
    assert file.seek(2, io.SEEK_CUR) == len(CONTENT) - 7
    assert file.read() == CONTENT[-7:] and file.read(5) == b""
    file.seek(0)
    assert file.read() == CONTENT
    empty = storage.as_path(f"{web.url}/none.bin").open()
    assert empty.read() == b""


def test_what_is_read_on_is_asked_for_ahead_and_not_kept(
    file, web, monkeypatch
):
    monkeypatch.setattr(remote_file, "_LARGEST", 2**20)
    while file.read(2**15):
        pass
    # Twice as much each time.
    sizes = [2**18, 2**19, 2**20, 2**20]
    firsts = [0, 2**18, 3 * 2**18, 7 * 2**18]
    ranges = [
        f"bytes={first}-{min(first + size, len(CONTENT)) - 1}"
        for first, size in zip(firsts, sizes)
    ]
    assert web.ranges[:4] == ranges and len(web.ranges) == 5
    assert len(file._ranges) == 4
    # What lies near was kept, what is far away was not, and is little.
    file.seek(3 * 2**20 - 9)
    file.read(3)
    assert len(web.ranges) == 5
    file.seek(5)
    assert file.read(3) == CONTENT[5:8]
    assert web.ranges[5:] == [f"bytes=5-{2**18 + 4}"]


def test_a_decoder_reads_it(web):
    web.reset()
    path = storage.as_path(f"{web.url}/clip.mp4")
    with path.open() as file, av.open(file) as container:
        frames = [
            frame.to_ndarray(format="rgb24")
            for frame in container.decode(video=0)
        ]
    with storage.opened(path) as local:
        expected = list(video.iter_frames(local))
    assert len(frames) == len(expected) == 60
    for frame, other in zip(frames, expected):
        # OpenCV's and PyAV's conversions differ a little.
        assert np.abs(frame.astype(int) - other).max() <= 3


def test_what_breaks_off_says_so(file, web, monkeypatch):
    monkeypatch.setattr("keras_vidrec.data.prepared.stores._PAUSE_S", 0.001)
    web.num_breaks = 2
    assert file.read(9) == CONTENT[:9]
    web.num_breaks = 10
    file.seek(2**21)
    with pytest.raises(OSError, match=r"cannot be read \(.*/a.bin'$"):
        file.read(9)
