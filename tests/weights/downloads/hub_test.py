import json
import pathlib
import re
import socket
import subprocess
import sys
from collections import Counter

import pytest

from keras_vidrec.specs import checks
from keras_vidrec.weights import downloads

COMMIT = "c" * 40
SAVED = b"a saved network"
JSON = "application/json"


def found(content, kind="application/octet-stream"):
    headers = {"Content-Length": str(len(content)), "Content-Type": kind}
    return 200, headers, content


@pytest.fixture
def fetch_saved(publisher, tmp_path, monkeypatch):
    """Fetches from hubs whose server is the publisher, with their libraries;
    returns what was found, and how much was asked for."""
    monkeypatch.setenv("HF_ENDPOINT", publisher.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))

    def fetch(*addresses):
        output = subprocess.check_output(
            [
                sys.executable, "-m", "tests.weights.downloads.child", "saved",
                publisher.url, *addresses,
            ],
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=100,
        )  # fmt: skip
        return output.splitlines()

    return fetch


def test_from_hugging_face(fetch_saved, publisher, tmp_path):
    files = {"org/one": ("README.md", "model.keras", "head.keras")}
    files["org/two"] = ("a.keras", "b.keras")
    trees = []
    for repo, names in files.items():
        listed = [
            {"type": "file", "path": name, "size": 1, "oid": "0" * 40}
            for name in names
        ]
        tree = f"/api/models/{repo}/tree/main?recursive=true&expand=false"
        trees.append(tree)
        publisher.answers[tree] = found(json.dumps(listed).encode(), JSON)
        for name in names:
            status, headers, content = found(SAVED)
            headers |= {"X-Repo-Commit": COMMIT, "ETag": f'"{name}"'}
            path = f"/{repo}/resolve/main/{name}"
            publisher.answers[path] = status, headers, content
    folder = f"{tmp_path}/hf/hub/models--org--one/snapshots/{COMMIT}"
    model, head, pinned, several, one, none, *offline = fetch_saved(
        "hf://org/one",
        "hf://org/one@main/head.keras",
        f"hf://org/one@{COMMIT}/model.keras",
        "hf://org/two",
        "hf://org/two/b.keras",
        "hf://org/none",
        "offline",
        "hf://org/one",
        "hf://org/one/head.keras",
        "hf://org/other",
    )
    assert model == pinned == offline[0] == f"{folder}/model.keras"
    assert pathlib.Path(model).read_bytes() == SAVED
    assert head == offline[1] == f"{folder}/head.keras"
    assert one.endswith(f"models--org--two/snapshots/{COMMIT}/b.keras")
    assert several == (
        "ArgumentError: Invalid `address`. Expected one with model.keras or "
        "a single .keras file, or ending with /FILE.keras for one of its 2 "
        "files, a.keras, b.keras. Received: address='hf://org/two'"
    )
    assert none.startswith("OSError: Cannot get hf://org/none. Received: ")
    assert "404" in none and "https://huggingface.co/org/none? What" in none
    assert offline[2].startswith(
        "OSError: Cannot get hf://org/other, offline as the environment says."
    )
    # What is pinned and there asks nobody, nor does what is forbidden to.
    assert Counter(path for path in publisher.paths() if "org/" in path) == {
        trees[0]: 1,
        "/org/one/resolve/main/model.keras": 2,
        "/org/one/resolve/main/head.keras": 2,
        trees[1]: 1,
        "/org/two/resolve/main/b.keras": 2,
        trees[0].replace("one", "none"): 1,
    }


def test_from_kaggle(fetch_saved, publisher, tmp_path):
    service = "/v1/models.ModelApiService/"
    files = json.dumps({"files": [{"name": "small.keras"}]}).encode()
    publisher.answers |= {
        f"{service}GetModelInstance": found(b'{"versionNumber": 3}', JSON),
        f"{service}ListModelInstanceVersionFiles": found(files, JSON),
        f"{service}DownloadModelInstanceVersion": found(SAVED),
    }
    address = "kaggle://somebody/tsn/keras/ut"
    folder = f"{tmp_path}/kaggle/models/somebody/tsn/keras/ut"
    assert fetch_saved(
        address,
        f"{address}/3",
        f"{address}/1/b.keras",
        f"{address}/b.keras",
        "kaggle://somebody/tsn/none/ut",
        "offline",
        address,
    ) == [
        f"{folder}/3/small.keras",
        f"{folder}/3/small.keras",
        f"{folder}/1/b.keras",
        "ArgumentError: Invalid `address`. Expected a version before the name "
        f"of a file. Received: address='{address}/b.keras'",
        "OSError: Cannot get kaggle://somebody/tsn/none/ut. Received: 'none' "
        "is not a valid ModelFramework. Is there "
        "https://www.kaggle.com/models/somebody/tsn? What is private takes "
        "KAGGLE_USERNAME and KAGGLE_KEY, or ~/.kaggle/kaggle.json; or get the "
        ".keras file otherwise and pass its path",
        "OSError: Expected the path of a file, as VIDREC_OFFLINE is set: "
        f"kagglehub asks the network. Received: {address}",
    ]
    assert pathlib.Path(folder, "3/small.keras").read_bytes() == SAVED
    # What is pinned and there asks nobody.
    assert [path.removeprefix(service) for path in publisher.paths()] == [
        "GetModelInstance",
        "ListModelInstanceVersionFiles",
        *2 * ["DownloadModelInstanceVersion"],
    ]


def test_a_hub_that_cannot_be_reached(monkeypatch, caplog):
    """It is told at once, without the half a minute of its library."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"http://127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", host)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("VIDREC_OFFLINE", raising=False)
    for address in ("hf://org/nothing_there", "hf://org/nothing_there/a.keras"):
        with pytest.raises(OSError) as told:
            downloads.fetch_saved(address)
        assert str(told.value).startswith(
            f"Cannot get {address}. Received: cannot be reached: [Errno 111]"
        )
        assert "HF_ENDPOINT names a mirror; or get the" in str(told.value)
        (line,) = caplog.messages
        assert line.startswith(f"{host}: cannot be reached: ")
        caplog.clear()


@pytest.mark.parametrize(
    "address, package",
    [("hf://a/b", "huggingface_hub"), ("kaggle://a/b/keras/c", "kagglehub")],
)
def test_without_the_library(address, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    command = re.escape(checks.how_to_install("hub"))
    text = f"needs the package {package}: `{command}`"
    with pytest.raises(ImportError, match=text):
        downloads.fetch_saved(address)


@pytest.mark.parametrize(
    "address",
    [
        "hf://a", "hf://a/b/c", "hf://a/../b", "hf://a/b@", "kaggle://a/b",
        "https://a.example/b.keras", "hf://a/b/../../c.keras", "hf://a/b\n",
    ],
)  # fmt: skip
def test_what_is_no_address(address):
    with pytest.raises(ValueError, match="Invalid `address`. Expected hf://OR"):
        downloads.fetch_saved(address)
    assert downloads.is_on_hub(address) == (not address.startswith("https"))
    assert not downloads.is_on_hub(None)
