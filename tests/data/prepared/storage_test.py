import pathlib
import pickle

import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared import stores
from tests.data.prepared_records import remote_copy

CONTENT = np.random.default_rng(0).bytes(3 * 2**20)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    directory = tmp_path_factory.mktemp("local")
    (directory / "rgb").mkdir()
    (directory / "rgb" / "rgb-00000.tfrecord").write_bytes(CONTENT)
    (directory / "rgb" / "rgb-00000.index.npz").write_bytes(b"")
    (directory / "names.txt").write_text("Zoë\n", "utf-8")
    return directory


@pytest.fixture(scope="module")
def remote(local):
    return remote_copy(local)


@pytest.mark.parametrize(
    "path, expected",
    [
        ("gs://bucket/a", True),
        ("s3://bucket", True),
        ("/data/ucf101", False),
        ("C:/data", False),
        ("a:b//c", False),
        (pathlib.Path("data"), False),
        (None, False),
    ],
)
def test_is_url(path, expected):
    assert storage.is_url(path) is expected


def test_a_remote_path_is_used_as_a_local_one(local, remote):
    for root in (storage.as_path(local), storage.as_path(remote)):
        root = storage.as_path(pickle.loads(pickle.dumps(root)))
        shard = root / "rgb" / "rgb-00000.tfrecord"
        index = shard.with_suffix(".index.npz")
        assert str(index) == f"{root}/rgb/rgb-00000.index.npz"
        assert shard.is_file() and not shard.is_dir()
        assert (root / "rgb").is_dir() and not (root / "rgb").is_file()
        nowhere = root / "flow"
        assert not nowhere.is_file() and not nowhere.is_dir()
        assert sorted((root / "rgb").glob("rgb-*")) == [index, shard]
        assert [*(root / "rgb").glob("rgb-*.tfrecord")] == [shard]
        assert [*nowhere.glob("*")] == []
        assert shard.read_bytes() == CONTENT and index.read_bytes() == b""
        assert (root / "names.txt").read_text("utf-8") == "Zoë\n"
        with pytest.raises(FileNotFoundError, match="rgb-9") as failure:
            (root / "rgb-9").read_bytes()
        assert str(failure.value.filename) == str(root / "rgb-9")
        with pytest.raises(FileNotFoundError):
            storage.read_parts(nowhere, [(0, 1)])


@pytest.mark.parametrize(
    "places",
    [
        [],
        [(0, 1)],
        [(2**20, 20), (5, 10), (2**20 + 20, 2**20), (5, 10), (2**19, 3)],
        [(i * 10**5, 70000) for i in range(30)],
        [(3 * 2**20 - 5, 10)],  # the file ends there
    ],
)
def test_parts(local, remote, places):
    expected = [CONTENT[first : first + size] for first, size in places]
    for root in (local, remote):
        shard = storage.as_path(root) / "rgb" / "rgb-00000.tfrecord"
        assert storage.read_parts(shard, places) == expected


@pytest.mark.parametrize(
    "places, ranges",
    [
        # 2 segments of 5 images, in any order.
        (
            [(i * 2**20 + j * 9000, 9000) for j in range(5) for i in (0, 1)],
            [(0, 45000), (2**20, 2**20 + 45000)],
        ),
        # What lies between them is less than a request.
        ([(0, 100), (60000, 100)], [(0, 60100)]),
        ([(0, 100), (70000, 100)], [(0, 100), (70000, 70100)]),
        ([(0, 100), (50, 20), (0, 0)], [(0, 100)]),
        # What breaks off is not all of it.
        (
            [(i * 2**22, 2**22) for i in range(3)],
            [(0, 2**23), (2**23, 3 * 2**22)],
        ),
    ],
)
def test_parts_that_lie_together_are_one_request(places, ranges, monkeypatch):
    """A request takes far longer than what it brings."""
    calls = []

    def read(urls, ranges):
        calls.append(ranges)
        return [bytes(end - first) for first, end in ranges]

    monkeypatch.setattr(stores, "read_ranges", read)
    parts = storage.as_path("memory://a").read_parts(places)
    assert calls == [ranges]
    assert [*map(len, parts)] == [size for _, size in places]


def test_videos_are_not_read_from_object_stores(remote):
    with pytest.raises(ValueError, match="Expected a prepared .*: 'memory://"):
        opening.open_dataset(remote)
