"""Every test asks one server, which has to be as before afterwards."""

import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import tempfile
import threading
import time

import numpy as np
import pytest

from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network
from tests.serving.served import sent
from tests.serving.served import served

CLASSES = ("jump", "run", "sit")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Directory that clients may name, and a file beside it that they may
    not, to which a link leads."""
    directory = tmp_path_factory.mktemp("videos") / "allowed"
    (directory / "below").mkdir(parents=True)
    numbered_video.write(directory / "below" / "clip.mp4", 60)
    secret = numbered_video.write(directory.parent / "secret.mp4", 5)
    (directory / "link.mp4").symlink_to(secret)
    return directory


@pytest.fixture(scope="module")
def clip(videos):
    return videos / "below" / "clip.mp4"


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    """Where all temporary files of the server lie."""
    directory = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(directory))
        yield directory
    assert not [*directory.iterdir()]  # ended, it leaves nothing


@pytest.fixture(scope="module")
def model():
    return mean_color_network(
        CLASSES, clip_spec=ClipSpec(size=32), test=Protocol(num_segments=4)
    )


@pytest.fixture(scope="module")
def running(model, videos, temporary):
    with served(model, allow=[videos]) as found:
        yield found


@pytest.fixture
def client(running):
    return running[0]


@pytest.fixture
def service(running, temporary):
    """As before after each test: free, and no file is left."""
    _, service = running
    yield service
    wait_until(lambda: not service.videos.taken and not service.streams.taken)
    wait_until(lambda: not [f for f in temporary.rglob("*") if f.is_file()])


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def refused(answer, status, *words):
    """Checks an error: one line, of the client's own words."""
    assert answer.status_code == status, answer.text
    (text,) = answer.json().values()
    assert "\n" not in text and "Traceback" not in text
    assert "vidrec-serve" not in text  # where the server keeps the file
    for word in words:
        assert word in text
    return text


def test_answers_are_those_of_the_predictor(client, service, model, clip):
    expected = Predictor(model)(clip, top=2).to_dict()
    answer = client.post("/predict", **sent(clip, top=2)).json()
    named = client.post("/predict", data={"path": "below/clip.mp4", "top": 2})
    assert answer["video"] == "clip.mp4"
    for found in (answer, named.json()):
        np.testing.assert_allclose(
            found.pop("probabilities"), expected["probabilities"], rtol=1e-6
        )
        assert found.pop("video") in ("clip.mp4", "below/clip.mp4")
        assert found == {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in expected.items()
            if key not in ("video", "probabilities")
        }
    absolute = client.post("/predict", data={"path": str(clip)}).json()
    assert len(absolute["classes"]) == 3


def events(response):
    """Kind and content of each event."""
    for block in response.text.split("\n\n")[:-1]:
        kind, content = block.split("\n")
        yield (
            kind.removeprefix("event: "),
            json.loads(content.removeprefix("data: ")),
        )


def test_windows_come_as_events(client, service, model, clip):
    predictor = Predictor(model)
    expected = list(predictor.windows(predictor.stream(clip), 1.0, 0.5))
    form = sent(clip, window="1s", stride=0.5, top=1)
    response = client.post("/windows", **form)
    assert response.headers["content-type"].startswith("text/event-stream")
    *found, end = events(response)
    assert end == ("end", {"windows": len(found)})
    assert len(found) == len(expected) == 3
    for (kind, window), one in zip(found, expected):
        assert kind == "window"
        assert (window["start"], window["end"]) == (one.start, one.end)
        np.testing.assert_allclose(
            window["probabilities"], [one.probabilities.max()], rtol=1e-6
        )
        assert window["classes"] == [CLASSES[one.probabilities.argmax()]]
    refused(
        client.post("/windows", **sent(clip, window=60)), 422, "is too short"
    )
    refused(
        client.post("/windows", **sent(clip, window=0.001)), 422, "window=0.001"
    )
    refused(client.post("/windows", **sent(b"no video")), 422, "clip.mp4")
    for length in ("2m", "0s", "-1", "nan", "inf", "3601s"):
        for name in ("window", "stride"):
            answer = client.post("/windows", **sent(clip, **{name: length}))
            words = "seconds such as 2s, at most 3600s", f"{name}={length!r}"
            refused(answer, 422, *words)


def test_what_is_no_video(client, service, clip, tmp_path, monkeypatch):
    content = clip.read_bytes()
    cases = {
        b"": "it is empty",
        b"GIF89a": "Check that it is a video",
        b"#EXTM3U\nfile:///etc/passwd\n": "playlist",
        content[:200]: "Check that it is a video",
        os.urandom(5000): "Check that it is a video",
    }
    for bad, words in cases.items():
        refused(client.post("/predict", **sent(bad)), 422, "'clip.mp4'", words)
    # What is cut off in the middle answers, and says so, or is refused.
    truncated = client.post("/predict", **sent(content[: len(content) // 2]))
    refused(truncated, 422, "'clip.mp4'")
    monkeypatch.setattr(numbered_video, "HEIGHT", 96)
    high = numbered_video.write(tmp_path / "high.mp4", 3)
    refused(client.post("/predict", **sent(high)), 422, "pixels", "8192")
    monkeypatch.undo()
    long = numbered_video.write(tmp_path / "long.mp4", 510)
    form = sent(long)
    refused(client.post("/predict", **form), 422, "lasts 20 s", "long.mp4")
    refused(client.post("/windows", **form), 422, "lasts 20 s")


def test_what_is_no_form(client, service, clip):
    refused(client.post("/predict"), 422, "neither")
    both = sent(clip, path="below/clip.mp4")
    refused(client.post("/predict", **both), 422, "both")
    refused(client.post("/predict", **sent(clip, top="x")), 422, "`top`", "'x'")
    refused(client.post("/predict", **sent(clip, top=0)), 422, "`top`")
    form = {"content": b"--x\r\nno form", "headers": {}}
    form["headers"]["Content-Type"] = "multipart/form-data; boundary=x"
    refused(client.post("/predict", **form), 400)
    refused(client.post("/predict", json={"path": "a"}), 422, "neither")
    refused(client.post("/predict", data={"video": "text"}), 422, "`video`")
    answer = client.post("/predict", **sent(clip, tpo=3, window=2))
    refused(answer, 422, "['path', 'top', 'video']", "['tpo', 'window']")
    answer = client.post("/windows", **sent(clip, wnidow="2s"))
    refused(answer, 422, "form of /windows", "'window']", "['wnidow']")
    refused(client.get("/predict"), 405)
    refused(client.get("/nothing"), 404)


def test_paths_stay_below_what_is_allowed(client, service, videos):
    for path in (
        "../secret.mp4",
        str(videos.parent / "secret.mp4"),
        "link.mp4",
        "below/../../secret.mp4",
        "/etc/passwd",
        "../nothing.mp4",
    ):
        answer = client.post("/predict", data={"path": path})
        refused(answer, 403, "not below an allowed directory")
    for url in ("http://127.0.0.1/a.mp4", "file:///etc/passwd", "s3://a/b"):
        answer = client.post("/predict", data={"path": url})
        refused(answer, 403, "does not download")
    refused(client.post("/predict", data={"path": "no.mp4"}), 404, "no.mp4")
    refused(client.post("/predict", data={"path": "below"}), 404)
    refused(client.post("/predict", data={"path": "a\0b"}), 403)
    answer = client.post("/predict", data={"path": "a" * 5000})
    refused(answer, 403, "a...")
    assert len(answer.text) < 300


def test_what_is_too_large(client, service, videos):
    refused(client.post("/predict", **sent(bytes(400_000))), 413, "too large")
    refused(client.post("/predict", **sent(bytes(310_000))), 413, "300000")

    def endless():
        while True:
            yield bytes(10_000)

    form = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/predict", content=endless(), headers=form)
    assert answer.status_code in (400, 413)
    large = videos / "large.mp4"
    with open(large, "wb") as file:
        file.truncate(400_000)
    refused(client.post("/predict", data={"path": "large.mp4"}), 413, "300000")


@contextlib.contextmanager
def stopped(service):
    """The decoder does not get on."""
    (number,) = service.decoders
    os.kill(number, signal.SIGSTOP)
    try:
        yield number
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGCONT)


def test_beyond_the_queue_comes_429(client, service, clip):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with stopped(service):
            waiting = [
                pool.submit(client.post, "/predict", **sent(clip))
                for _ in range(2)
            ]
            wait_until(lambda: service.videos.taken == 2)
            answer = client.post("/predict", **sent(clip))
            refused(answer, 429, "busy")
            assert answer.headers["retry-after"] == "1"
            assert client.get("/health").json()["waiting"] == 2
        assert [one.result().status_code for one in waiting] == [200, 200]


def test_a_decoder_that_is_killed_is_replaced(client, service, clip):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with stopped(service) as number:
            waiting = pool.submit(client.post, "/predict", **sent(clip))
            wait_until(lambda: service.videos.taken)
            os.kill(number, signal.SIGKILL)
            # It had not begun: the other one has the video.
            assert waiting.result().status_code == 200
    (other,) = service.decoders
    assert other != number
    assert "vidrec_decoder_restarts 1.0" in client.get("/metrics").text


def raw(client, content, *, length=100_000):
    """A connection over which a part of an upload was sent."""
    port = client.base_url.port
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.sendall(
        b"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Type: "
        b"multipart/form-data; boundary=x\r\n"
        b"Content-Length: %d\r\n\r\n" % length + content
    )
    return connection


PART = (
    b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n'
    b"Content-Type: video/mp4\r\n\r\n"
)


def test_slow_and_broken_uploads(client, service, clip):
    with raw(client, PART + bytes(10_000)), raw(client, PART) as slow:
        # Others are answered meanwhile.
        assert client.post("/predict", **sent(clip)).status_code == 200
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
    for _ in range(5):
        raw(client, PART + bytes(50_000)).close()
    raw(client, b"").close()
    assert client.post("/predict", **sent(clip)).status_code == 200


def test_who_goes_away_is_not_told_more(client, service, clip):
    form = sent(clip, window=0.2, stride=0.04)
    with client.stream("POST", "/windows", **form) as response:
        next(response.iter_raw())
        # One stream at a time, and predictions beside it.
        assert client.post("/predict", **sent(clip)).status_code == 200
    wait_until(lambda: not service.streams.taken)
    assert client.post("/windows", **form).status_code == 200


def test_many_clients(client, service, clip):
    expected = client.post("/predict", **sent(clip)).json()
    barrier = threading.Barrier(2)

    def ask():
        barrier.wait()
        return [client.post("/predict", **sent(clip)).json() for _ in range(3)]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in [f.result() for f in [pool.submit(ask) for _ in range(2)]]:
            for answer in found:
                np.testing.assert_allclose(
                    answer.pop("probabilities"),
                    expected["probabilities"],
                    rtol=1e-5,
                )
                assert answer["classes"] == expected["classes"]


def test_health_metrics_and_the_page(client, service):
    health = client.get("/health").json()
    assert health["status"] == "ok" and health["classes"] == 3
    assert health["model"] == "mean_color" and health["waiting"] == 0
    text = client.get("/metrics").text
    assert 'vidrec_requests_total{path="/health",status="200"}' in text
    assert "vidrec_network_seconds_count" in text
    described = client.get("/openapi.json").json()
    assert {*described["paths"]} == {
        "/predict", "/windows", "/health", "/metrics"
    }  # fmt: skip
    assert "swagger" in client.get("/docs").text
