"""Files of `torch.save`, and what is made of them."""

import zipfile

import pytest

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")

# The form of the file since PyTorch 1.6, and the one before.
FORMS = pytest.mark.parametrize("zipped", [True, False])


def save(path, value, zipped=True):
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path


def state_dict(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "conv1.weight": torch.randn(4, 3, 2, 2, generator=generator),
        "bn1.running_var": torch.rand(1, 4, generator=generator),
        "bn1.num_batches_tracked": torch.tensor(7),
    }


def rewrite(path, change, compression=zipfile.ZIP_STORED):
    """Writes the archive anew, its entries as `change(name, bytes)` says."""
    with zipfile.ZipFile(path) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, change(name, content))
    return path


def check_refused(read, path, match):
    with pytest.raises(ValueError, match=match) as caught:
        read(path)
    assert path.name in str(caught.value)
    assert "Expected" in str(caught.value)
    assert "Received" in str(caught.value)
