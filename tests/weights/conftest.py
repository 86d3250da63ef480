import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.weights.published import recognition
from tests.weights.slot_scheme import SCHEME
from tests.weights.slot_scheme import TINY


@pytest.fixture
def slot_scheme(monkeypatch):
    """No other scheme than that of `tests.weights.slot_scheme`."""
    monkeypatch.setattr(recognition, "SCHEMES", (SCHEME,))


@pytest.fixture(scope="module")
def rgb():
    return TSN(**TINY)


@pytest.fixture(scope="module")
def flow():
    return TSN(modality="flow", **TINY)
