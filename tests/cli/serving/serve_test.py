import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import checks
from tests.cli.command import vidrec
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.keras"
    model_file.save(
        mean_color_network(("run", "sit"), clip_spec=ClipSpec(size=32)), path
    )
    return path


def test_what_cannot_be_served(model, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _, err = vidrec("serve", model, "--port", port, status=1)
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in err
    no = tmp_path / "no"
    _, err = vidrec("serve", model, "--port", "0", "--allow", no, status=1)
    assert f"Received: allow={str(no)!r}" in err
    _, err = vidrec("serve", model, "--max-seconds", "never", status=2)
    assert "Expected seconds such as 2s" in err
    monkeypatch.setitem(sys.modules, "fastapi", None)
    _, err = vidrec("serve", model, "--port", "0", status=1)
    assert checks.how_to_install("serve") in err and "\n" not in err.strip()


@pytest.mark.large
def test_a_server_from_its_beginning_to_its_end(model, tmp_path):
    clip = numbered_video.write(tmp_path / "clip.mp4", 12)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "keras_vidrec", "serve", model),
            *("--port", "0", "--allow", tmp_path, "--max-seconds", "5s"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    url = re.match(
        r"(http://127.0.0.1:\d+) is ready", process.stdout.readline()
    )
    answer = httpx.post(
        f"{url[1]}/predict", data={"path": "clip.mp4"}, timeout=60
    ).json()
    expected = Predictor(model_file.load(model))(clip)
    assert answer["probabilities"] == pytest.approx(
        expected.probabilities, rel=1e-6
    )
    health = httpx.get(f"{url[1]}/health", timeout=60).json()
    assert health["model"] == f"mean_color ({tmp_path.name}/model.keras)"
    assert any(temporary.iterdir())
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert "Traceback" not in out + err
    assert not any(temporary.iterdir())
