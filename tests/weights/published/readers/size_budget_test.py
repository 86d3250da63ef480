import pytest

from keras_vidrec.weights.published.readers import size_budget
from keras_vidrec.weights.published.readers.size_budget import SizeBudget


def test_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    budget = SizeBudget(path)
    assert size_budget.limit(1000) == 64 * 2**20 + 20 * 1000
    budget.spend(64 * 2**20)
    budget.spend(20 * 1000)
    with pytest.raises(ValueError, match="file. Received: 3 more, as a dam"):
        budget.spend(3)
