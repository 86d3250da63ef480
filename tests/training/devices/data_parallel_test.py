"""JAX on several devices and processes, each in processes of its own: the
tests of this directory run on TensorFlow."""

import numpy as np
import pytest

from keras_vidrec.training.devices import data_parallel
from keras_vidrec.training.run import Run
from tests.training import workers

PROGRAM = "tests.training.worker_program"


def results(out, worker=0):
    with np.load(out / f"worker{worker}.npz") as file:
        return dict(file)


def trained(out, environments, distribute="data-parallel"):
    processes = [
        workers.start(PROGRAM, [distribute, out], environment)
        for environment in environments
    ]
    for status, output in workers.finish(processes, seconds=240):
        assert status == 0, output
    return results(out)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone")
    return trained(out, [{"KERAS_BACKEND": "jax"}], distribute="none")


def assert_equal(found, expected):
    assert len(expected) == 7 + 2 and expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-5)


@pytest.mark.large
def test_two_processes_fit_and_evaluate_as_one_does(tmp_path, alone):
    """Statistics, the tail of the validation part and accumulation included;
    each reads its own rows."""
    found = trained(tmp_path, workers.jax_environments(2))
    assert_equal(found, alone)
    for name, value in results(tmp_path, worker=1).items():
        np.testing.assert_array_equal(value, found[name])
    for worker, rows in ((0, range(4)), (1, range(4, 8))):
        seen = np.loadtxt(tmp_path / f"seen{worker}.txt", int)
        assert set(seen % 8) == set(rows)


@pytest.mark.large
def test_two_devices_fit_and_evaluate_as_one_does(tmp_path, alone):
    environment = {"KERAS_BACKEND": "jax", "JAX_NUM_CPU_DEVICES": "2"}
    assert_equal(trained(tmp_path, [environment]), alone)


@pytest.mark.large
def test_the_command_line_trains_in_two_processes(small_videos, tmp_path):
    """With a directory each, to see who writes: only the first one does."""
    command = [
        "train",
        "quickstart_rgb",
        f"--data={small_videos}",
        "--distribute=data-parallel",
        "--set=clip.size=32",
        "--set=optimizer.batch_size=8",
        "--set=schedule.epochs=1",
        "--set=validation.fraction=0.5",
    ]
    first, other = tmp_path / "first", tmp_path / "other"
    processes = [
        workers.start("keras_vidrec", [*command, "--out", out], environment)
        for out, environment in zip(
            (first, other), workers.jax_environments(2), strict=True
        )
    ]
    for status, output in workers.finish(processes, seconds=400):
        assert status == 0, output
    assert not other.exists()
    assert Run(first).load_model().output_shape == (None, 12)


@pytest.mark.parametrize(
    "processes, process",
    [("", "0"), ("two", "0"), ("2", ""), ("2", "2"), ("2", "-1")],
)
def test_malformed_variables(monkeypatch, processes, process):
    values = ("10.0.0.1:1234", processes, process)
    for name, value in zip(data_parallel.VARIABLES, values, strict=True):
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="host:port of the first process"):
        data_parallel.DataParallel()
