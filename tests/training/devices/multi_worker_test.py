"""Two real processes of this machine, as if they were two machines."""

import csv
import json
import os
import signal
import time

import keras
import numpy as np
import pytest

from keras_vidrec.training import freezing
from keras_vidrec.training import recipes
from keras_vidrec.training.devices import data_parallel
from keras_vidrec.training.devices import multi_worker
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec
from tests.training import worker_program
from tests.training import workers
from tests.training.two_towers import clips
from tests.training.two_towers import two_towers

pytestmark = pytest.mark.tensorflow_only
PROGRAM = "tests.training.worker_program"


def start_two(out, *arguments):
    return [
        workers.start(PROGRAM, ["multi-worker", out, *arguments], environment)
        for environment in workers.tensorflow_environments(2)
    ]


def results(out, worker=0):
    with np.load(out / f"worker{worker}.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Directory of what two processes have trained together."""
    out = tmp_path_factory.mktemp("two")
    for status, output in workers.finish(start_two(out), seconds=240):
        assert status == 0, output
    return out


@pytest.mark.large
def test_two_processes_train_as_one_does(two, tmp_path):
    """Statistics, validation loss and accuracy included."""
    chief, other = results(two, 0), results(two, 1)
    keras.utils.clear_session()
    worker_program.main("none", tmp_path)
    alone = results(tmp_path)
    assert len(alone) == 7 + 2 and alone.keys() == chief.keys()
    for name, value in alone.items():
        np.testing.assert_array_equal(other[name], chief[name])
        np.testing.assert_allclose(chief[name], value, rtol=0, atol=1e-5)


@pytest.mark.large
def test_each_process_reads_its_own_rows(two):
    """Of 21 videos in batches of 8, looked at after each of two epochs."""
    for worker, rows in ((0, range(4)), (1, range(4, 8))):
        own = [i for i in range(worker_program.UNSEEN) if i % 8 in rows]
        seen = np.loadtxt(two / f"seen{worker}.txt", int).tolist()
        assert seen == sorted(own * worker_program.SCHEDULE.epochs)


@pytest.mark.large
@pytest.mark.parametrize("killed", [0, 1])
def test_one_is_killed_and_both_go_on(two, tmp_path, killed):
    processes = start_two(tmp_path, 0.5)
    deadline = time.monotonic() + 240
    while not any((tmp_path / "backup").glob("epoch-00001-*")):
        assert time.monotonic() < deadline
        assert all(process.poll() is None for process in processes)
        time.sleep(0.05)
    os.kill(processes[killed].pid, signal.SIGKILL)
    ((status, output),) = workers.finish([processes[1 - killed]], seconds=30)
    assert status == 1
    assert "WorkerLost: Training stopped: another worker has ended" in output
    workers.finish(processes[killed : killed + 1], seconds=1)

    assert not list(tmp_path.glob("worker*"))
    for status, output in workers.finish(start_two(tmp_path), seconds=240):
        assert status == 0, output
    for name, value in results(two).items():
        resumed = results(tmp_path)[name]
        np.testing.assert_allclose(resumed, value, rtol=0, atol=1e-6)


@pytest.mark.large
def test_the_command_line_trains_on_two_machines(small_videos, tmp_path):
    """With a directory each, to see who writes: only the chief does."""
    recipe = recipes.get("quickstart_rgb").with_data(directory=small_videos)
    recipe = recipe.with_settings(
        [
            "clip.size=32",
            "optimizer.batch_size=8",
            "schedule.epochs=1",
            "validation.fraction=0.5",
        ]
    )
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    chief, other = tmp_path / "chief", tmp_path / "other"
    command = ["train", tmp_path / "recipe.yaml", "--distribute=multi-worker"]
    processes = [
        workers.start("keras_vidrec", [*command, "--out", out], environment)
        for out, environment in zip(
            (chief, other), workers.tensorflow_environments(2), strict=True
        )
    ]
    (first, last) = workers.finish(processes, seconds=300)
    assert first[0] == last[0] == 0, first[1] + last[1]
    assert "effective batch 8 = 4 clips x 2 devices" in first[1]
    assert "Trained: " in first[1] and "Trained: " not in last[1]
    assert not other.exists()
    with open(chief / "log.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert 0 <= float(row["val_accuracy"]) <= 1
    layers = freezing.batch_normalizations(Run(chief).load_model())
    assert layers and all(layer.synchronized for layer in layers)


def test_the_command_line_without_a_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "worker 0")
    command = ["train", "quickstart_rgb", "--distribute", "multi-worker"]
    _, err = vidrec(*command, "--out", tmp_path / "run", status=1)
    assert "Received: TF_CONFIG=worker 0" in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


PLAIN = """
import keras, numpy as np, tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
with strategy.scope():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
try:
    model.fit(np.ones((4, 2)), np.ones((4, 1)), batch_size=2, verbose=0)
except Exception as error:
    print("FAILED", type(error).__name__)
else:
    print("WORKED")
"""


@pytest.mark.large
def test_keras_still_cannot_do_it(tmp_path):
    """Fails when Keras' own `fit` has learned it (keras-team/keras issue
    20585). `_MultiWorkerModel` is needed no more then."""
    (tmp_path / "plain_fit.py").write_text(PLAIN)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    processes = [
        workers.start("plain_fit", [], {**environment, "PYTHONPATH": path})
        for environment in workers.tensorflow_environments(2)
    ]
    for status, output in workers.finish(processes, seconds=120):
        assert status == 0 and "FAILED" in output, output


CLUSTER = {"worker": ["a:1", "b:2"]}


@pytest.mark.parametrize(
    "cluster, kind, index, expected",
    [
        (CLUSTER, "worker", 1, (1, 2)),
        ({"chief": ["c:0"], **CLUSTER}, "worker", 1, (2, 3)),
        ({"chief": ["c:0"], **CLUSTER}, "chief", 0, (0, 3)),
    ],
)
def test_the_number_of_a_worker(monkeypatch, cluster, kind, index, expected):
    task = {"type": kind, "index": index}
    text = json.dumps({"cluster": cluster, "task": task})
    monkeypatch.setenv("TF_CONFIG", text)
    assert multi_worker.read_tf_config() == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "worker 0",
        "[]",
        "{}",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", '
        '"index": 1}}',
        '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", '
        '"index": 0}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": '
        '{"type": "worker", "index": 0}}',
    ],
)
def test_a_malformed_configuration(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="variable TF_CONFIG to name all"):
        multi_worker.MultiWorker()


@pytest.mark.parametrize(
    "kind", [multi_worker.MultiWorker, data_parallel.DataParallel]
)
def test_streams_keep_their_names(kind):
    """The trained model is the network: the same inputs, weights, outputs."""
    network = two_towers("abc")
    devices = kind.__new__(kind)  # joins nobody
    devices._distribution = None
    trained = devices.trainable(network)
    pixels, _ = clips(2)
    backwards = dict(reversed(pixels.items()))
    expected = network(pixels)
    assert trained(backwards).keys() == expected.keys()
    for name, scores in trained(backwards).items():
        np.testing.assert_array_equal(scores, expected[name])
    assert trained.weights[0] is network.weights[0]
