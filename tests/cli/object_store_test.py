"""Datasets in object stores, from the command line: on a server of S3's
protocol on this machine where tensorflow-io is installed (`make test-io`)."""

import importlib.util
import logging
import urllib.parse
import urllib.request

import keras
import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.evaluation.scores.score_file import Scores
from tests.cli.command import vidrec
from tests.cli.command import vidrec_process

HAS_TENSORFLOW_IO = importlib.util.find_spec("tensorflow_io") is not None
needs_tensorflow_io = pytest.mark.skipif(
    not HAS_TENSORFLOW_IO,
    reason="needs tensorflow-io, in an environment of its own: make test-io",
)
SMALL = (
    "--set=clip.size=32",
    "--set=schedule.epochs=2",
    "--set=optimizer.batch_size=8",
)


@pytest.mark.skipif(HAS_TENSORFLOW_IO, reason="tensorflow-io reads s3://")
@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "s3://bucket/ucf101"),
        ("train", "quickstart_rgb", "--data=s3://bucket/ucf101", "--out=run"),
    ],
)
def test_without_tensorflow_io_one_line_says_what_to_install(arguments):
    _, err = vidrec(*arguments, status=1)
    assert "does not read s3:// here" in err and err.count("\n") == 1
    assert 'pip install "keras-vidrec[io]"' in err and "2.16 only" in err


@pytest.fixture(scope="module")
def store():
    """URL of a server of S3's protocol that this process and those it starts
    know as theirs."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("S3_ENDPOINT", url)
        environment.setenv("AWS_REGION", "us-east-1")
        environment.setenv("AWS_ACCESS_KEY_ID", "nobody")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield url
    server.stop()


@pytest.fixture(scope="module")
def prepared(small_videos, tmp_path_factory):
    directory = tmp_path_factory.mktemp("prepared")
    catalog = opening.open_dataset(small_videos).catalog
    prepare(catalog, directory, Preparation(flow="dis"), workers=1)
    return directory


@pytest.fixture(scope="module")
def bucket(store, prepared):
    """URL of the prepared dataset in the store."""
    put(f"{store}/bucket")
    return upload(prepared, store, "sets/one")


def upload(directory, store, prefix, without=None):
    for path in directory.rglob("*"):
        part = path.relative_to(directory).as_posix()
        if path.is_file() and part != without:
            part = urllib.parse.quote(part)
            put(f"{store}/bucket/{prefix}/{part}", path.read_bytes())
    return f"s3://bucket/{prefix}"


def put(url, content=b""):
    send("PUT", url, content)


def send(method, url, content=None):
    request = urllib.request.Request(
        url,
        content,
        # The server would parse a form, which is urllib's guess.
        {"Content-Type": "application/octet-stream"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


@pytest.mark.large
@needs_tensorflow_io
def test_training_from_s3_is_training_from_a_disk(bucket, prepared, tmp_path):
    """An exit status of 0 too: orderly exits abort after S3 was read."""
    runs = {}
    for name, data in (("disk", prepared), ("s3", bucket)):
        runs[name] = tmp_path / name
        out, err = vidrec_process(
            "train",
            "quickstart_rgb",
            f"--data={data}",
            f"--out={runs[name]}",
            *SMALL,
        )
        assert f"Trained: {runs[name] / 'model.keras'}" in out and not err
    assert f"directory: {bucket}\n" in (runs["s3"] / "recipe.yaml").read_text()
    disk, s3 = (
        keras.saving.load_model(run / "model.keras").get_weights()
        for run in runs.values()
    )
    for expected, weight in zip(disk, s3, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=1e-7)

    scores = {}
    for name, run in runs.items():
        out, err = vidrec_process("evaluate", run)
        assert "top 1" in out and not err
        scores[name] = Scores.load(run / "scores" / "test-split1.npz")
    assert scores["s3"].videos == scores["disk"].videos
    np.testing.assert_allclose(
        scores["s3"].scores, scores["disk"].scores, rtol=1e-4, atol=1e-6
    )


@needs_tensorflow_io
def test_inspection_of_s3(bucket, prepared):
    out, err = vidrec_process("inspect", bucket)
    assert out.startswith(f"{bucket} (prepared)\nvideos   36") and not err
    local, _ = vidrec_process("inspect", prepared)
    assert out.splitlines()[1:] == local.splitlines()[1:]


@needs_tensorflow_io
def test_what_is_missing_is_one_clear_line(bucket, store, prepared):
    for url, reason in (
        ("s3://nowhere/sets/one", "NoSuchBucket"),
        ("s3://bucket/nothing", "NoSuchKey"),
    ):
        _, err = vidrec_process("inspect", url, status=1)
        assert url in err and reason in err and err.count("\n") == 1
    index = "rgb/rgb-00000.index.npz"
    damaged = upload(prepared, store, "sets/two", without=index)
    _, err = vidrec_process("inspect", damaged, status=1)
    assert f"{damaged}/{index}" in err and err.count("\n") == 1


@needs_tensorflow_io
def test_wrong_credentials_are_one_clear_line(bucket, store):
    reset = f"{store}/moto-api/reset-auth"
    send("POST", reset, b"0")
    _, err = vidrec_process("inspect", bucket, status=1)
    send("POST", reset, b"inf")
    assert bucket in err and err.count("\n") == 1
    assert "InvalidAccessKeyId" in err
