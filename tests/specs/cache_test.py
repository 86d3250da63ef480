import pathlib

import pytest

from keras_vidrec.specs import cache


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("VIDREC_CACHE", "KERAS_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/somebody")


def test_by_the_environment(monkeypatch):
    home = pathlib.Path("/somebody/.cache/keras-vidrec")
    assert cache.directory() == home and cache.directories() == (home,)
    found = []
    for name, value, expected in (
        ("XDG_CACHE_HOME", "/cache", "/cache/keras-vidrec"),
        ("KERAS_HOME", "~/keras", "/somebody/keras/keras-vidrec"),
        ("VIDREC_CACHE", "~/weights", "/somebody/weights"),
    ):
        monkeypatch.setenv(name, value)
        found.insert(0, pathlib.Path(expected))
        assert cache.directory() == found[0]
        assert cache.directories() == tuple(found)


def test_without_a_home(monkeypatch):
    monkeypatch.setenv("VIDREC_CACHE", "~nobody-of-this-name/cache")
    assert cache.directory() is None and cache.directories() == ()
