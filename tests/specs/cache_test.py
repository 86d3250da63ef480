import pathlib

from keras_vidrec.specs import cache


def test_by_the_environment(monkeypatch):
    for name in ("VIDREC_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/somebody")
    assert cache.directory() == pathlib.Path("/somebody/.cache/keras-vidrec")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert cache.directory() == pathlib.Path("/cache/keras-vidrec")
    monkeypatch.setenv("VIDREC_CACHE", "~/weights")
    assert cache.directory() == pathlib.Path("/somebody/weights")


def test_without_a_home(monkeypatch):
    monkeypatch.setenv("VIDREC_CACHE", "~nobody-of-this-name/cache")
    assert cache.directory() is None
