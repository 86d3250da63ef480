import fsspec
import numpy as np
import pytest

from keras_vidrec.data.prepared import storage
from keras_vidrec.videos import content
from keras_vidrec.videos.health_cache import HealthCache

MIB = 2**20


@pytest.mark.parametrize("size", [0, 5, MIB - 1, MIB + 1, 2 * MIB, 5 * MIB])
def test_ends_and_size_tell_files_apart_wherever_they_lie(tmp_path, size):
    rng = np.random.default_rng(size)
    data = rng.integers(0, 256, size, np.uint8).tobytes()
    path = tmp_path / "a.avi"
    path.write_bytes(data)
    found = content.fingerprint(path)
    fsspec.filesystem("memory").pipe(f"/content/{size}", data)
    remote = storage.as_path(f"memory://content/{size}")
    assert content.fingerprint(remote) == found
    others = {found}
    for place in {0, size // 3, MIB - 1, size - MIB, size - 1}:
        if 0 <= place < size and not MIB <= place < size - MIB:
            other = bytearray(data)
            other[place] ^= 1
            path.write_bytes(other)
            assert content.fingerprint(path) not in others
            others.add(content.fingerprint(path))
    path.write_bytes(data + b"\0")
    assert content.fingerprint(path) not in others
    if size == 5 * MIB:  # the middle is not looked at
        path.write_bytes(data[: 2 * MIB] + b"!" + data[2 * MIB + 1 :])
        assert content.fingerprint(path) == found


def test_it_is_kept_beside_the_videos(tmp_path, monkeypatch):
    (tmp_path / "a.avi").write_bytes(b"first")
    read = []
    fingerprint = content.fingerprint
    monkeypatch.setattr(
        content,
        "fingerprint",
        lambda path: read.append(path.name) or fingerprint(path),
    )
    cache = HealthCache(tmp_path)
    first = cache.content("a.avi")
    assert cache.content("a.avi") == first == fingerprint(tmp_path / "a.avi")
    cache.save()
    assert HealthCache(tmp_path, "bob").content("a.avi") == first
    assert read == ["a.avi"]
    (tmp_path / "a.avi").write_bytes(b"another")
    assert HealthCache(tmp_path).content("a.avi") != first
    assert HealthCache(tmp_path).content("missing.avi") is None
