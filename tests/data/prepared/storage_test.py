import pathlib
import pickle

import numpy as np
import pytest
import tensorflow as tf

from keras_vidrec.data import opening
from keras_vidrec.data.prepared import storage
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


def test_parts_that_lie_together_are_fetched_together(remote, monkeypatch):
    """A request takes far longer than what it brings."""
    opened = []
    gfile = tf.io.gfile.GFile
    monkeypatch.setattr(
        tf.io.gfile, "GFile", lambda *name: opened.append(0) or gfile(*name)
    )
    shard = storage.as_path(remote) / "rgb" / "rgb-00000.tfrecord"
    # 2 segments of 5 images, in any order.
    places = [(i * 2**20 + j * 9000, 9000) for j in range(5) for i in (0, 1)]
    shard.read_parts(places)
    assert len(opened) == 2


def test_refusals_are_errors_of_files(remote, monkeypatch):
    def refuse(*_):
        raise tf.errors.PermissionDeniedError(None, None, "Access\nDenied")

    monkeypatch.setattr(tf.io.gfile, "exists", refuse)
    with pytest.raises(PermissionError, match="Access Denied: 'ram://.*'"):
        storage.as_path(remote).is_file()


def test_videos_are_not_read_from_object_stores(remote):
    with pytest.raises(ValueError, match="Expected a prepared .*: 'ram://"):
        opening.open_dataset(remote)


def test_a_scheme_that_nothing_reads():
    with pytest.raises(ValueError, match="Expected a scheme of .*: nfs4://"):
        storage.as_path("nfs4://server/data")
