import keras
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    model = TSN(backbone="tiny", classes=2)
    model_file.save(model, path)
    before = path.read_bytes()

    def full_disk(self, filepath):
        filepath.write_bytes(b"half a mod")
        raise OSError("No space left on device")

    monkeypatch.setattr(keras.Model, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        model_file.save(model, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04cut", b"text"])
def test_what_is_no_model_gives_one_clear_error(tmp_path, content):
    path = tmp_path / "model.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\.keras file.*model\.keras"):
        model_file.load(path)
