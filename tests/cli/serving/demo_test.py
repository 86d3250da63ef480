import os
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from tests.cli.command import vidrec
from tests.evaluation.mean_color_network import mean_color_network


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    mean_color_network(("red", "blue")).save(path)
    return path


def test_what_cannot_be_is_said_before_there_is_a_page(model, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        _, err = vidrec("demo", model, "--port", port, status=1)
    assert f"Port {port} cannot be used" in err and "--port" in err
    _, err = vidrec("demo", tmp_path / "none.keras", status=1)
    assert "does not exist" in err
    _, err = vidrec("demo", model, "--window", "0s", status=2)
    assert "Expected seconds" in err


@pytest.mark.large
@pytest.mark.parametrize(
    ("ending", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)]
)
def test_a_page_ends_and_leaves_nothing(model, tmp_path, ending, status):
    with subprocess.Popen(
        [sys.executable, "-m", "keras_vidrec", "demo", model, "--port", "0"],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as page:
        line = page.stdout.readline()
        address = line.split()[1]
        assert address.startswith("http://127.0.0.1:"), line
        with urllib.request.urlopen(address) as answer:
            assert b"vidrec: model.keras" in answer.read()
        assert [*pathlib.Path(tmp_path).glob("vidrec-demo-*")]
        page.send_signal(ending)
        assert page.wait(60) == status
    assert not [*pathlib.Path(tmp_path).glob("vidrec-demo-*")]
