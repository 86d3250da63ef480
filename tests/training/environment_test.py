import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.training import environment


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Directory of a package, which lies in no checkout yet."""
    package = tmp_path / "project" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(environment, "_PACKAGE", package)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return package


def git(package, *arguments):
    identity = ("-c", "user.name=somebody", "-c", "user.email=a@example.org")
    return subprocess.run(
        ["git", *identity, *arguments],
        cwd=package,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_a_cpu_is_no_accelerator():
    """On every backend; tests see no other devices."""
    assert environment.has_accelerator() is False


def test_what_a_run_ran_on(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["vidrec", "train", "tsn_rgb"])
    found = json.loads(json.dumps(environment.describe()))
    versions = found["versions"]
    assert versions["keras_vidrec"] == keras_vidrec.__version__
    assert versions["keras"] == keras.__version__
    assert versions["numpy"] == np.__version__
    assert versions["opencv"] and versions["tensorflow"] and versions["torch"]
    assert found["backend"] == keras.backend.backend()
    assert found["command"] == ["vidrec", "train", "tsn_rgb"]
    assert found["devices"] and found["platform"] and found["time"]


def test_no_checkout_has_no_commit(package):
    assert environment.describe()["git"] is None


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_commit_and_changes_of_a_checkout(package):
    git(package.parent, "init", "--quiet")
    # A checkout of something else, with the package installed inside.
    assert environment.describe()["git"] is None
    git(package, "add", "__init__.py")
    git(package, "commit", "--quiet", "--message", "first")
    commit = git(package, "rev-parse", "HEAD")
    assert environment.describe()["git"] == {"commit": commit, "changes": False}
    (package / "notes.txt").touch()  # of nobody's concern
    assert not environment.describe()["git"]["changes"]
    (package / "__init__.py").write_text("changed = True\n")
    assert environment.describe()["git"] == {"commit": commit, "changes": True}


def test_without_git(package, monkeypatch):
    monkeypatch.setenv("PATH", str(package))
    assert environment.describe()["git"] is None
