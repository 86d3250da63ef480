import keras
import pytest

import keras_vidrec
from keras_vidrec import flow
from keras_vidrec.cli import doctor
from tests.cli.command import vidrec


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("VIDREC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_there(cache):
    out, _ = vidrec("doctor")
    told = dict(line.split(maxsplit=1) for line in out.splitlines()[:-1])
    assert told["keras_vidrec"] == keras_vidrec.__version__
    assert told["keras"] == keras.__version__
    assert told["backend"].startswith("tensorflow on ")
    assert "FFmpeg" in told["decoder"] and told["cache"] == str(cache)
    assert out.count("ok  ") == 3 and out.endswith("No problems found.\n")


def test_what_is_broken(cache, monkeypatch):
    """The rest is tried all the same; the cache is a file here."""
    cache.write_text("")
    steps = dict(list(doctor._STEPS.items())[:2])
    monkeypatch.setattr(doctor, "_STEPS", steps)
    monkeypatch.setattr(
        flow, "dis_flow", lambda first, second: 0 * first[..., None]
    )
    out, err = vidrec("doctor", status=1)
    assert (
        "FAILED      compute optical flow: RuntimeError: the flow of a 2" in out
    )
    assert out.count("ok  ") == 1 and "cannot be written" in out
    assert err.endswith("1 of 2 steps failed.\n")
