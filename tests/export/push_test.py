"""Exports on hubs, which are servers on this machine."""

import json
import os
import socket
import sys

import keras
import numpy as np
import pytest

from keras_vidrec import export as exports
from keras_vidrec.applications.parts import model_file
from keras_vidrec.weights import downloads
from tests import servers
from tests.cli.command import vidrec
from tests.evaluation.mean_color_network import mean_color_network
from tests.export.hub_servers import HubServer

pytestmark = [
    pytest.mark.tensorflow_only,
    # huggingface_hub's own, of the library by which it uploads.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

CARD = "# A network\n\nWhat there is to say.\n"
KAGGLE = "kaggle://somebody/tsn/onnx/small"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub, at which one is logged in."""
    constants = pytest.importorskip("huggingface_hub.constants")
    kaggle_env = pytest.importorskip("kagglesdk.kaggle_env")
    for name in [*os.environ]:
        if name.startswith(("HF_", "KAGGLE")) or name.endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("VIDREC_OFFLINE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    # It looks through the whole stack for those who call it.
    monkeypatch.setattr("kagglehub.clients.get_user_agent", lambda: "test")
    # Its other way of bringing files is a protocol of its own.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with servers.running(HubServer()) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", running.token)
        monkeypatch.setenv("KAGGLE_API_TOKEN", "secret")
        monkeypatch.setitem(
            kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, running.url
        )
        yield running


@pytest.fixture
def network():
    return mean_color_network(("a", "b"))


@pytest.fixture
def directory(tmp_path):
    """An export, as far as a hub can tell."""
    path = tmp_path / "export"
    (path / "variables").mkdir(parents=True)
    (path / "README.md").write_text(CARD)
    (path / "model.onnx").write_bytes(b"graph" * 1000)
    (path / "variables" / "one").write_bytes(b"values")
    return path


def test_hugging_face(server, network, directory, caplog):
    hub = exports.hub("hf://somebody/tsn")
    hub.check()
    assert hub.push(directory, network, "onnx") == f"{server.url}/somebody/tsn"
    assert server.private == {"somebody/tsn": True}
    files = server.repositories["somebody/tsn"]
    assert {*files} == {
        "README.md", "model.onnx", "variables/one", "model.keras",
    }  # fmt: skip
    assert files["model.onnx"] == b"graph" * 1000
    front, card = files["README.md"].decode().split("---\n\n", 1)
    assert card == CARD
    assert front == (
        "---\nlibrary_name: keras\npipeline_tag: video-classification\n"
        "license: unknown\ntags:\n- keras-vidrec\n- video-classification\n"
        "- action-recognition\n- onnx\n"
    )
    # The export is as it was, and the address is one to load from.
    assert (directory / "README.md").read_text() == CARD
    assert len([*directory.rglob("*")]) == 4
    loaded = model_file.load(downloads.fetch_saved("hf://somebody/tsn"))
    clip = np.random.default_rng(0).integers(0, 255, (1, 2, 32, 32, 3), "uint8")
    before, after = (
        keras.ops.convert_to_numpy(one(clip)) for one in (network, loaded)
    )
    np.testing.assert_array_equal(before, after)


def test_kaggle(server, network, directory, capsys):
    hub = exports.hub(KAGGLE)
    hub.check()
    page = "https://www.kaggle.com/models/somebody/tsn/onnx/small"
    assert hub.push(directory, network, "onnx") == page
    assert server.stored["model.onnx"] == b"graph" * 1000
    assert server.stored["README.md"].decode().endswith(CARD)
    (_, model), (made, instance) = server.instances
    assert model["isPrivate"] and model["slug"] == "tsn"
    assert made == "CreateModelInstance"
    assert instance["body"]["instanceSlug"] == "small"
    names = {one["token"] for one in instance["body"]["files"]}
    assert names == {"README.md", "model.onnx", "model.keras"}
    (folder,) = instance["body"]["directories"]
    assert folder["name"] == "variables"
    assert not capsys.readouterr().out
    # Another one is a new version.
    server.is_new = False
    hub.push(directory, network, "onnx")
    assert server.instances[-1][0] == "CreateModelInstanceVersion"


@pytest.mark.parametrize(
    "address, library",
    [("hf://somebody/tsn", "huggingface_hub"), (KAGGLE, "kagglehub")],
)
def test_what_is_known_before(server, monkeypatch, address, library):
    hub = exports.hub(address)
    cannot = f"Cannot push to {address}. Received: "
    with monkeypatch.context() as patch:
        patch.setenv("VIDREC_OFFLINE", "1")
        with pytest.raises(OSError) as told:
            hub.check()
        said = f"{cannot}VIDREC_OFFLINE is set. To write there, "
        assert said in str(told.value)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, library, None)
        with pytest.raises(ImportError, match=f"needs the package {library}"):
            hub.check()
    with monkeypatch.context() as patch:
        patch.delenv("HF_TOKEN")
        patch.delenv("KAGGLE_API_TOKEN")
        with pytest.raises(OSError) as told:
            hub.check()
        assert str(told.value).startswith(cannot) and "To write there, " in str(
            told.value
        )
    server.token = "another"
    server.broken = "/v1/"
    with pytest.raises(OSError) as told:
        hub.check()
    assert str(told.value).startswith(cannot)
    assert "\n" not in str(told.value) and not server.repositories


def test_a_hub_that_is_not_there(server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(OSError, match=f"{address} cannot be reached: "):
        exports.hub("hf://somebody/tsn").check()


@pytest.mark.parametrize(
    "address",
    [
        "hf://tsn", "hf://a/b@main", "hf://a/../b", "hf://a/b/c.keras",
        "kaggle://a/b", f"{KAGGLE}/3", "kaggle://a/b/caffe/c", "s3://a/b",
        "hf://a/b\n", "", None,
    ],
)  # fmt: skip
def test_no_address(address):
    with pytest.raises(ValueError, match="Invalid `push`. Expected "):
        exports.hub(address)


def test_a_push_that_fails_leaves_the_export(server, network, directory):
    server.broken = "/api/models/"
    with pytest.raises(OSError) as told:
        exports.hub("hf://somebody/tsn").push(directory, network, "onnx")
    assert "403" in str(told.value)
    assert f"The export stays in {directory}. " in str(told.value)
    assert "\n" not in str(told.value)
    assert (directory / "model.onnx").exists()


def test_the_command(server, network, tmp_path, monkeypatch):
    network.save(tmp_path / "best.keras")
    arguments = ("export", tmp_path / "best.keras", "--format", "litert")
    # What cannot be is told before anything is written.
    _, err = vidrec(*arguments, "--push", "hf://tsn", status=1)
    assert "Invalid `push`" in err and err.count("\n") == 1
    assert not (tmp_path / "litert").exists()
    out, _ = vidrec(*arguments, "--push", "hf://somebody/tsn")
    assert out.endswith(f"Pushed: {server.url}/somebody/tsn\n")
    files = server.repositories["somebody/tsn"]
    facts = json.loads(files["bundle.json"])
    assert files[facts["network"]["file"]] and "predict.py" in files
    assert b"\n- litert\n---\n\n# best\n" in files["README.md"]
