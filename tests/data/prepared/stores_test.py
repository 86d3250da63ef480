"""Files on servers: in ranges, from servers that break off and refuse."""

import importlib
import math
import pathlib
import re

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from keras_vidrec.data import opening
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared import stores
from keras_vidrec.data.prepared.shards import ShardWriter
from keras_vidrec.data.preparing.spool import ImageSpool
from keras_vidrec.data.preparing.video import encode_jpeg
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import checks
from tests import servers

CONTENT = np.random.default_rng(0).bytes(2**20)
NAME = "a #1 50%?.bin"
PLACES = [(2**19, 9), (7, 20000), (2**19 + 9, 11), (2**20 - 3, 3)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("served")
    (directory / "below").mkdir()
    (directory / "below" / NAME).write_bytes(CONTENT)
    return directory


@pytest.fixture(scope="module")
def web_server(directory):
    with servers.running(servers.Files(directory)) as server:
        yield server


@pytest.fixture
def web(web_server):
    web_server.reset()
    return web_server


@pytest.fixture(scope="module")
def s3():
    with servers.s3() as url:
        servers.put(f"{url}/bucket")
        servers.put(f"{url}/bucket/below/a%201.bin", CONTENT)
        yield url


def expected():
    return [CONTENT[first : first + size] for first, size in PLACES]


def test_files_of_web_servers(web):
    root = storage.as_path(f"{web.url}/below?key=value")
    path = root / NAME
    assert path.read_bytes() == CONTENT and path.name == NAME
    assert path.stat().st_size == len(CONTENT)
    assert path.is_file() and not (root / "other").is_file()
    assert [*root.glob("*.bin")] == [path] and root.is_dir()
    assert path.parent == root
    assert path.read_parts(PLACES) == expected()
    # The neighbors came together.
    assert (
        sorted(web.ranges)[1:]
        == [
            "bytes=524288-524307",
            "bytes=7-20006",
        ]
        and len(web.ranges) == 3
    )


def test_s3(s3):
    path = storage.as_path("s3://bucket/below") / "a 1.bin"
    assert path.read_bytes() == CONTENT and path.is_file()
    assert path.parent.is_dir() and [*path.parent.glob("a*")] == [path]
    assert path.read_parts(PLACES) == expected()
    servers.put(f"{s3}/bucket/other", CONTENT[::-1])
    other = storage.as_path("s3://bucket/other").stat()
    assert other.st_size == path.stat().st_size == len(CONTENT)
    assert other.st_mtime_ns != path.stat().st_mtime_ns


def test_a_store_by_another_file_system(monkeypatch):
    """What gcsfs does of fsspec, in memory: the service itself needs a
    login."""

    class Bucket(MemoryFileSystem):
        protocol = ("gs", "gcs")
        store, pseudo_dirs = {}, [""]

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.removeprefix("gs://"))

    registry = importlib.import_module("fsspec.registry")
    monkeypatch.setitem(registry._registry, "gs", Bucket)
    Bucket().pipe_file("gs://bucket/below/a 1.bin", CONTENT)
    root = storage.as_path("gs://bucket/below")
    path = root / "a 1.bin"
    assert path.read_bytes() == CONTENT and path.is_file() and root.is_dir()
    assert [*root.glob("*.bin")] == [path]
    assert path.stat().st_size == len(CONTENT)
    assert path.read_parts(PLACES) == expected()
    with pytest.raises(FileNotFoundError, match="gs://bucket/below/none"):
        (root / "none").read_bytes()


def test_parts_are_asked_for_at_once(web):
    web.delay = 0.05
    places = [(i * 10**5, 10) for i in range(10)]
    storage.read_parts(storage.as_path(f"{web.url}/below") / NAME, places)
    assert len(web.ranges) == 10 and web.most_at_once > 5


def test_clips_are_read_ahead(web, directory, monkeypatch):
    """As many as hide 50 ms, on one processor too."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    (directory / "set").mkdir()
    make_records(directory / "set", num_videos=40)
    _, source, catalog = opening.open_dataset(f"{web.url}/set")
    web.reset()
    web.delay = 0.05
    spec = ClipSpec(num_segments=3, size=16)
    clips = pipeline.make(
        source, spec, catalog.splits[1].train, training=True, batch_size=8
    )
    batches = clips.as_numpy_iterator()
    images, _ = next(batches)
    assert images.shape == (8, 3, 16, 16, 3)
    # Those of a clip at once, and those of several clips.
    assert len(web.ranges) >= 24 and web.most_at_once > 12


def make_records(directory, num_videos):
    names = tuple(f"a/{i}.avi" for i in range(num_videos))
    shuffled = np.random.default_rng(0).integers(0, 256, (200, 200, 3))
    # No two images of one video lie together.
    jpeg = encode_jpeg(shuffled.astype(np.uint8), 95)
    writer = ShardWriter(directory, "rgb", 2**30)
    for name in names:
        spool = ImageSpool(directory / "spool")
        for t in range(12):
            spool.add(t, jpeg)
        writer.append(name, 0, 200, 200, spool.finish())
    writer.seal()
    every = tuple(range(num_videos))
    zeros = (0,) * num_videos
    prepared_dataset.write(
        directory,
        Catalog(directory, names, zeros, names, ("a",), {1: Split(every, ())}),
        ("rgb",),
        {"size": "200x200", "flow": "none", "bound": 20.0},
        failed={},
    )


def test_a_web_server_that_breaks_off(web, monkeypatch):
    monkeypatch.setattr(stores, "_PAUSE_S", 0.001)
    path = storage.as_path(f"{web.url}/below") / NAME
    web.num_breaks = 3
    assert path.read_parts(PLACES) == expected()
    assert web.num_breaks == 0
    web.num_breaks = math.inf
    with pytest.raises(OSError, match=r"cannot be read \(.*50%25%3F.bin'$"):
        path.read_parts(PLACES)


def test_s3_that_breaks_off(s3):
    with (
        servers.running(servers.Proxy(s3)) as proxy,
        servers.known_as(proxy.url),
    ):
        path = storage.as_path("s3://bucket/below/a 1.bin")
        proxy.num_breaks = 2
        assert path.read_parts(PLACES) == expected()
        assert proxy.num_broken == 2
        proxy.num_breaks = math.inf
        with pytest.raises(OSError) as failure:
            path.read_parts(PLACES)
    assert str(failure.value).startswith("[Errno 5] it cannot be read (")
    assert str(failure.value).endswith("): 's3://bucket/below/a 1.bin'")


@pytest.mark.parametrize(
    "status, kind, reason",
    [
        (
            403,
            PermissionError,
            "no permission, or it has expired (403 Forbidden)",
        ),
        (401, PermissionError, "no permission, or it has expired (401 Unauth"),
        (404, FileNotFoundError, "there is no such file"),
        (500, OSError, "it cannot be read (500 Internal Server Error)"),
    ],
)
def test_what_a_web_server_refuses(status, kind, reason, web, monkeypatch):
    monkeypatch.setattr(stores, "_PAUSE_S", 0.001)
    web.status = status
    host = web.url.removeprefix("http://")
    path = storage.as_path(f"http://me:word@{host}/below/a.mp4?sign=12ab")
    reads = [
        path.read_bytes,
        lambda: path.read_parts([(0, 3)]),
        path.stat,
        path.open,
    ]
    for read in reads:
        with pytest.raises(kind) as failure:
            read()
        text = f"{failure.value} {failure.value.__cause__}"
        assert reason in text and f"'http://{host}/below/a.mp4'" in text
        assert "word" not in text and "12ab" not in text
    assert "word" not in f"{path} {path!r}" and "12ab" not in f"{path} {path!r}"


def test_what_s3_refuses(s3):
    for url, reason in (
        ("s3://nowhere/a", "no such file (The specified bucket does not"),
        ("s3://bucket/a", "there is no such file: "),
    ):
        path = storage.as_path(url)
        with pytest.raises(FileNotFoundError) as failure:
            path.read_bytes()
        assert reason in str(failure.value) and f"'{url}'" in str(failure.value)
        assert not path.is_file() and [*path.glob("*")] == []
    servers.send("POST", f"{s3}/moto-api/reset-auth", b"0")
    path = storage.as_path("s3://bucket/below/a 1.bin")
    for read in (path.read_bytes, path.stat, path.is_file):
        with pytest.raises(PermissionError, match="no permission, or it has"):
            read()
    servers.send("POST", f"{s3}/moto-api/reset-auth", b"inf")


def test_without_credentials(s3, monkeypatch, tmp_path):
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AWS_{name}")
    for name in ("SHARED_CREDENTIALS_FILE", "CONFIG_FILE"):
        monkeypatch.setenv(f"AWS_{name}", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    servers.forget_connections()
    with pytest.raises(PermissionError, match="Unable to locate credentials"):
        storage.as_path("s3://bucket/below/a 1.bin").read_bytes()
    servers.forget_connections()


def test_nobody_at_home(monkeypatch):
    monkeypatch.setattr(stores, "_PAUSE_S", 0.001)
    with pytest.raises(OSError, match="cannot be read .*'http://127.0.0.1:9/a"):
        storage.as_path("http://127.0.0.1:9/a").read_bytes()


def test_a_server_without_ranges(web):
    web.whole = True
    path = storage.as_path(f"{web.url}/below") / NAME
    with pytest.raises(OSError, match="supports only whole files"):
        path.read_parts([(10, 5)])


@pytest.mark.parametrize(
    "url, expected",
    [
        ("s3://bucket/a?b#c", "s3://bucket/a?b#c"),
        ("ftp://me:word@host/a@b", "ftp://host/a@b"),
        ("https://host/a?Signature=x#y", "https://host/a"),
        ("https://host?Signature=x", "https://host"),
        ("https://me@host", "https://host"),
    ],
)
def test_addresses_as_they_are_shown(url, expected):
    assert stores.shown(url) == expected


@pytest.mark.parametrize(
    "scheme, extra",
    [("s3", "s3"), ("gs", "gcs"), ("http", "http"), ("https", "http")],
)
def test_what_to_install(scheme, extra, monkeypatch):
    def without(scheme):
        raise ImportError("Install it")

    monkeypatch.setattr(fsspec, "get_filesystem_class", without)
    stores.reader_of.cache_clear()
    command = re.escape(checks.how_to_install(extra))
    with pytest.raises(ValueError, match=command):
        storage.as_path(f"{scheme}://somewhere")


def test_a_scheme_that_nothing_reads():
    with pytest.raises(ValueError, match="Expected s3://, gs://.*nfs4://"):
        storage.as_path("nfs4://server/data")
    with pytest.raises(
        ValueError, match="a local path, not a URL.*file:///data"
    ):
        storage.as_path("file:///data")


def test_tensorflow_reads_where_tensorflow_io_is(monkeypatch, tmp_path):
    """Its schemes are TensorFlow's; this one TensorFlow has by itself."""
    import tensorflow as tf

    found = stores.importlib.util.find_spec
    monkeypatch.setattr(
        stores.importlib.util,
        "find_spec",
        lambda name: name == "tensorflow_io" or found(name),
    )
    url = f"ram://{pathlib.Path(tmp_path).name}"
    tf.io.gfile.makedirs(f"{url}/rgb")
    with tf.io.gfile.GFile(f"{url}/rgb/a.bin", "wb") as file:
        file.write(CONTENT)
    path = storage.as_path(url) / "rgb" / "a.bin"
    assert path.read_bytes() == CONTENT and path.stat().st_size == 2**20
    assert path.read_parts(PLACES) == expected()
    assert path.is_file() and path.parent.is_dir()
    assert [*path.parent.glob("*.bin")] == [path]
    with pytest.raises(FileNotFoundError, match="ram://.*/none'"):
        (path.parent / "none").read_parts(PLACES)
