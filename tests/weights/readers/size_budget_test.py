import pytest

from keras_vidrec.weights.readers import size_budget
from keras_vidrec.weights.readers.size_budget import SizeBudget


def test_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    budget = SizeBudget(path)
    budget.spend(size_budget.FREE)
    budget.spend(size_budget.GROWTH * 1000)
    with pytest.raises(ValueError, match="file. Received: 3 more, as a dam"):
        budget.spend(3)
