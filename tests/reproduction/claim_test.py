import pytest

from keras_vidrec.reproduction.claim import Claim


def test_later_values_are_added_and_earlier_ones_stay(tmp_path):
    claim = Claim(tmp_path / "out", {"tiny": False, "given": {"a": "/x"}})
    assert not claim.exists() and not (tmp_path / "out").exists()
    claim.weights("b", "imagenet")
    claim.write()
    later = Claim(tmp_path / "out", {"tiny": False, "given": {"c": "/z"}})
    assert later.exists()
    assert later.values["given"] == {"a": "/x", "b": "imagenet", "c": "/z"}
    later.weights("b", "imagenet")
    with pytest.raises(ValueError, match="--given b.*imagenet, as before.*/y"):
        later.weights("b", "/y")
    with pytest.raises(ValueError, match="`given`.*'a': '/x'.*as before"):
        Claim(tmp_path / "out", {"tiny": False, "given": {"a": "/other"}})
    # By another version, which knew more.
    with pytest.raises(ValueError, match="`tiny`.*False, as before.*=None"):
        Claim(tmp_path / "out", {"given": {}})
