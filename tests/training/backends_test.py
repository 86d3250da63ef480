"""The three backends do the same."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file
from keras_vidrec.data.sources.features import Features
from tests.cli.command import vidrec

BACKENDS = ("tensorflow", "jax", "torch")


def of_backend(backend, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        env={**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.large
def test_the_first_update_is_the_same(tmp_path):
    """Two batches that make one update, with decay, a bound, multipliers and
    averages: losses, weights and moving statistics."""
    keras.utils.set_random_seed(0)
    model = TSN(classes=3, backbone="tiny", dropout=0.0)
    start = model.get_weights()
    model_file.save(model, tmp_path / "model.keras")
    found = []
    for backend in BACKENDS:
        result = tmp_path / f"{backend}.npz"
        of_backend(
            backend,
            *("tests.training.step_program", tmp_path / "model.keras", result),
        )
        with np.load(result) as values:
            found.append(dict(values))
    moved = [
        abs(found[0][f"weight{i}"] - value).max()
        for i, value in enumerate(start)
    ]
    assert min(moved) > 0 and max(moved) > 1e-3
    for other in found[1:]:
        for name, value in found[0].items():
            np.testing.assert_allclose(
                other[name], value, rtol=1e-5, atol=1e-5, err_msg=name
            )


@pytest.mark.large
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_program_trains_and_tests(backend, small_videos, tmp_path):
    """What is trained on one backend is tested on it and on another; it
    predicts, computes features, is looked into and exported there."""
    run = tmp_path / "run"
    of_backend(
        backend,
        *("keras_vidrec", "train", "quickstart_rgb", "--data", small_videos),
        *("--out", run, "--set", "clip.size=32", "--set", "schedule.epochs=1"),
    )
    said = of_backend(backend, "keras_vidrec", "evaluate", run)
    (scores,) = (run / "scores").glob("*.npz")
    with np.load(scores) as values:
        logits = values["scores"]
    scores.unlink()
    vidrec("evaluate", run)
    assert "top 1" in said
    clip = next(small_videos.glob("LeftThenUp/*.avi"))
    said = of_backend(backend, "keras_vidrec", "predict", run, clip)
    assert "LeftThenUp" in said
    features = tmp_path / "features"
    of_backend(
        backend,
        *("keras_vidrec", "features", "--rgb", run, "--data", small_videos),
        *("--out", features, "--frames", 2),
    )
    here = tmp_path / "features_here"
    vidrec(
        *("features", "--rgb", run, "--data", small_videos),
        *("--out", here, "--frames", 2),
    )
    for i in range(36):
        np.testing.assert_allclose(
            *(Features(one).read(i, "rgb", [0, 1]) for one in (features, here)),
            rtol=2e-3,  # of half precision
            atol=1e-5,
        )
    drawn = tmp_path / "gradcam.png"
    of_backend(
        backend,
        *("keras_vidrec", "show", "gradcam", run, clip, "--out", drawn),
    )
    assert drawn.stat().st_size > 1000
    said = of_backend(
        backend, "keras_vidrec", "export", run, "--format", "onnx"
    )
    assert "probabilities agree" in said and (run / "onnx/model.onnx").exists()
    with np.load(scores) as values:
        np.testing.assert_allclose(values["scores"], logits, atol=1e-4)
