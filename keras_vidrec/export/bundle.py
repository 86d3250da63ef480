"""Writes the directory of an export: the network and its documents."""

import contextlib
import hashlib
import logging
import pathlib
import tempfile

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.evaluation import origins
from keras_vidrec.export import manifest
from keras_vidrec.export import model_card
from keras_vidrec.export import parity
from keras_vidrec.export import predict_file
from keras_vidrec.export import reduction
from keras_vidrec.export.background import Background
from keras_vidrec.reporting import chain
from keras_vidrec.reporting.measuring import size as sizes
from keras_vidrec.specs import Origin
from keras_vidrec.specs import files
from keras_vidrec.training import environment

logger = logging.getLogger("keras_vidrec")


def write(
    model,
    form,
    path,
    endpoints,
    save,
    load,
    background,
    tolerance,
    more=(),
    reduce=None,
):
    """Writes an export and checks it.

    Beside the network, the directory contains `labels.txt` (one class a line),
    `thresholds.txt` (one threshold a line, if the network has thresholds),
    `bundle.json`, `predict.py` (if it can predict the classes of videos with
    this network), `origin.json`, and the model card `README.md`.

    The export is written to a temporary directory, loaded again and compared
    with `model`. If its precision is not float32, its accuracy is also
    compared with the accuracy in float32. Only then is it moved to `path`.

    Args:
        model: keras.Model of this package.
        form: `forms.Form`.
        path: path of the directory to write.
        endpoints: sequence of `Endpoint`. The first one takes clips.
        save: function `save(directory)` that writes the network in float32.
        load: function `load(directory)` that returns a function `run_of(name)`.
            This one returns the `run` argument of `parity.check` for the
            endpoint with that name.
        background: `None`, or `Background` of the network.
        tolerance: float. See `parity.check`.
        more: sequence of `JpegFrames` and `FlowMaker`: further signatures,
            each with a method `check(run_of, recipe, tolerance)`. Defaults to
            none.
        reduce: `None`, or function `reduce(plain, directory, clips)` that
            converts the float32 network in the directory `plain` to
            `form.precision` and writes it to `directory`. `clips` is a list of
            clips for the calibration of int8, empty for float16. Not needed
            for float32. Defaults to `None`.

    Returns:
        float, the largest difference of a probability of the first endpoint
        from the one of `model`, or, if the precision is not float32, from the
        one of the export in float32.

    Raises:
        ValueError: if `path` contains something other than an export of this
            format, or there are no videos to test a reduced precision on.
        RuntimeError: if the exported network differs from `model`, or a
            reduced precision costs more accuracy than `form.max_loss`.
    """
    background = background or Background(model.name)
    description = describe(model)
    names, file = description.class_names, model_card.FILES[form.format]
    missing = manifest.obstacle(model)
    if missing is not None:
        logger.warning("The export has no %s: %s", predict_file.FILE, missing)
    reduces, result = form.precision != "float32", None
    if reduces:
        samples = reduction.samples(endpoints[0], background, form)
    with (
        _replacing(pathlib.Path(path), file) as temporary,
        tempfile.TemporaryDirectory(prefix="vidrec-export-") as other,
    ):
        plain = pathlib.Path(other) if reduces else temporary
        save(plain)
        runs = load(plain)
        checks = [
            parity.check(
                endpoint,
                runs(endpoint.name),
                tolerance,
                background.recipe,
                names,
            )
            for endpoint in endpoints
        ]
        checks += [
            one.check(runs, background.recipe, tolerance) for one in more
        ]
        if reduces:
            clips = []
            if form.precision == "int8":
                clips = reduction.calibration(samples)
            _reduced(reduce, form, plain, temporary, clips)
            name = endpoints[0].name
            result = reduction.test(
                form, samples, len(clips), runs(name), load(temporary)(name)
            )
        origin = _origin(model, temporary)
        card = model_card.write(
            form,
            description,
            background,
            endpoints,
            checks,
            origin,
            more,
            missing,
            result,
            sizes.of_known(model),
        )
        chain.write(origin, temporary)
        (temporary / model_card.CARD_FILE).write_text(card, "utf-8")
        if names is not None:
            lines = "".join(f"{name}\n" for name in names)
            (temporary / model_card.NAMES_FILE).write_text(lines, "utf-8")
        if description.thresholds is not None:
            lines = "".join(f"{one!r}\n" for one in description.thresholds)
            path_of = temporary / model_card.THRESHOLDS_FILE
            path_of.write_text(lines, "utf-8")
        facts = manifest.of(
            model,
            description,
            background.name,
            form,
            file,
            endpoints[0],
            result,
        )
        manifest.write(facts, temporary, answers=missing is None)
    return checks[0].difference if result is None else result.difference


def _reduced(reduce, form, plain, directory, clips):
    """Calls `reduce`; any error of its library becomes one `ValueError`."""
    try:
        reduce(plain, directory, clips)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"The network cannot be written in {form.precision}. Expected "
            f"operations that the format {form.format!r} supports in "
            f"{form.precision}. Received: {type(error).__name__}: {reason}"
        ) from error


def _origin(model, directory):
    """Returns the `Origin` of an export, with the network as its parent and
    the versions of the libraries that wrote it."""
    found = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(directory).as_posix().encode())
            with open(path, "rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
    versions = environment.versions()
    return Origin(
        "export",
        fingerprint=found.hexdigest()[:16],
        parents={"network": origins.of_network(model)},
        versions={name: v for name, v in versions.items() if v is not None},
    )


@contextlib.contextmanager
def _replacing(path, network_file):
    """Yields a temporary directory that is moved to `path` at the end. `path`
    may be missing or empty, or an earlier export, which has `network_file`."""
    files.recover(path)
    is_export = (path / network_file).is_file()
    empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not (is_export or empty):
        raise ValueError(
            "Expected a new directory, or an earlier export to replace. "
            f"Received: {path}, which contains something else"
        )
    with files.replacing(path) as temporary:
        temporary.mkdir()
        yield temporary


def check_no_flow(endpoint, what):
    """Raises a `ValueError` if the network computes optical flow itself. Only
    a SavedModel can contain this computation.

    Args:
        endpoint: `Endpoint`.
        what: str. Name of the format.
    """
    if endpoint.makes_flow:
        raise ValueError(
            "Only a SavedModel can contain the computation of flow. Expected "
            f"for {what} a network with an input for flow, such as a "
            "`LateFusion` without flow_from. Received: "
            f"model={endpoint.model.name!r}"
        )
