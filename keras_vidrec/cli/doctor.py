import importlib.metadata
import pathlib
import tempfile
import time

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend

_PACKAGE = "keras-vidrec"
# Extras that are not listed: those for development, for another TensorFlow, and
# for GPUs, which are listed as devices.
_NOT_TOLD = ("dev", "docs", "gpu", "io", "test", "test-io", "test-log")
# Largest mean error of DIS for a shift by whole pixels, in pixels.
_FLOW_ERROR = 0.1


def doctor():
    """Print what is installed (versions, devices, decoder, extras, caches) and
    run a short self-test. Include the output in a bug report.
    """
    load_backend()
    from keras_vidrec.training import environment
    from keras_vidrec.videos import decoder

    found = environment.describe()
    echo(f"platform    {found['platform']}")
    for name, version in found["versions"].items():
        echo(f"{name:11} {version or '-'}")
    echo(f"decoder     {decoder.version()}")
    echo(f"backend     {found['backend']} on {', '.join(found['devices'])}")
    for extra, missing in _extras().items():
        echo(f"extra       {extra}: {_needs(missing)}")
    echo(f"cache       {_cache()}")
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for what, step in _STEPS.items():
            failed += not _tried(what, step, pathlib.Path(directory))
    if failed:
        echo(f"{failed} of {len(_STEPS)} steps failed.", err=True)
        raise typer.Exit(1)
    echo("No problems found.")


def _extras():
    """Returns a dict from each extra to the list of its requirements that are
    not installed."""
    from packaging.requirements import Requirement

    try:
        metadata = importlib.metadata.metadata(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return {}  # a checkout that is not installed
    stated = map(Requirement, metadata.get_all("Requires-Dist") or ())
    missing = {
        extra: []
        for extra in sorted(metadata.get_all("Provides-Extra") or ())
        if extra not in _NOT_TOLD
    }
    for requirement in stated:
        for extra, names in missing.items():
            marker = requirement.marker
            if marker is None or not marker.evaluate({"extra": extra}):
                continue
            if marker.evaluate({"extra": ""}) or _fits(requirement):
                continue
            names.append(str(requirement).split(";")[0].strip())
    return missing


def _fits(requirement):
    """Whether a requirement is installed in a version that fits."""
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def _needs(missing: list[str]) -> str:
    return f"needs {', '.join(missing)}" if missing else "installed"


def _cache() -> str:
    """Returns the directory of the cache, or why it cannot be used."""
    from keras_vidrec.specs import cache

    directory = cache.directory()
    if directory is None:
        return "none: there is no home directory, and VIDREC_CACHE is not set"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return str(directory)
    except OSError as error:
        return f"{directory} cannot be written: {error.strerror}"


def _tried(what, step, directory):
    """Runs a step, prints its result, and returns whether it succeeded."""
    start = time.perf_counter()
    try:
        step(directory)
    except Exception as error:
        # Any error is a result of the self-test.
        echo(f"FAILED      {what}: {type(error).__name__}: {error}")
        return False
    echo(f"ok          {what} ({time.perf_counter() - start:.1f} s)")
    return True


def _read_videos(directory):
    from keras_vidrec import videos
    from keras_vidrec.data import synthetic

    synthetic.generate(
        directory / "videos",
        train_groups=2,
        test_groups=1,
        clips_per_group=1,
        size=(48, 64),
        num_frames=12,
    )
    path = min((directory / "videos").rglob("*.avi"))
    last = list(videos.iter_frames(path))[-1]
    (again,) = videos.read_frames(path, [11])
    if last.shape != (48, 64, 3) or (last != again).any():
        raise RuntimeError(
            f"reading frame 11 of {path.name} twice gives different pixels"
        )


def _make_flow(directory):
    import cv2
    import numpy as np

    from keras_vidrec import flow

    noise = np.random.default_rng(0).integers(0, 256, (80, 80), np.uint8)
    frame = cv2.GaussianBlur(noise, (0, 0), 2)
    moved = np.roll(frame, 2, axis=1)
    found = flow.dis_flow(frame, moved)[16:-16, 16:-16]
    error = np.abs(found - (2, 0)).mean()
    if not error < _FLOW_ERROR:
        raise RuntimeError(f"the flow of a 2 pixel shift is off by {error:.2f}")


def _train_and_save(directory):
    import keras
    import numpy as np

    from keras_vidrec.applications import TSN
    from keras_vidrec.training.clips import clips

    model = TSN(classes=12, backbone="tiny", input_shape=(2, 32, 32, 3))
    train = clips(directory / "videos", model, batch_size=4)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(train.dataset, steps_per_epoch=2, shuffle=False, verbose=0)
    model.save(directory / "model.keras")
    loaded = keras.models.load_model(directory / "model.keras")
    clip = np.zeros((1, 2, 32, 32, 3), "uint8")
    before, after = (
        keras.ops.convert_to_numpy(network(clip)) for network in (model, loaded)
    )
    if not np.isfinite(before).all() or np.abs(before - after).max() > 1e-6:
        raise RuntimeError(
            "a network gives other results after saving and loading"
        )


_STEPS = {
    "write and read videos": _read_videos,
    "compute optical flow": _make_flow,
    "train, save and load a network": _train_and_save,
}
