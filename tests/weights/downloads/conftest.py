import hashlib
import os

import pytest

from keras_vidrec.weights.downloads import PublishedFile
from keras_vidrec.weights.downloads import transfer
from tests import servers
from tests.weights.downloads.publisher import Publisher

CONTENT = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of weights of an empty cache."""
    for name in [*os.environ]:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("KERAS_HOME", "TORCH_HOME", "VIDREC_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("VIDREC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(transfer, "_PAUSE_S", 0)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def publisher():
    with servers.running(Publisher()) as running:
        running.files["/a.pth"] = CONTENT
        yield running
        running.over.set()


@pytest.fixture
def entry(publisher):
    """The file that is published at `/a.pth`, known by all its digits."""
    return published(publisher)


def published(publisher, *paths, content=CONTENT, **changes):
    """A file by the paths of its addresses, known by all its digits unless
    changed."""
    paths = paths or ("/a.pth",)
    values = {
        "name": "a.pth",
        "addresses": tuple(publisher.url + path for path in paths),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **changes,
    }
    return PublishedFile(**values)


def lying_in(folder):
    """What lies in a folder, with what is in its folders."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
    )
