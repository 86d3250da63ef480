"""The directory of an export: the network, and what is said of it."""

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
    """Writes an export and what is next to it: the classes, one per line, and
    so their thresholds, of several labels per video; all that is needed to
    answer from a video and the program that does; what it was made from; and
    the model card. Before it gets its name it is loaded again and compared with
    the network; in another precision than float32 it is tested beside that.

    Args:
        model: keras.Model of this package.
        form: `forms.Form`.
        path: path of the directory to be.
        endpoints: sequence of `Endpoint`, that of clips first.
        save: function that writes the network to a path, in float32.
        load: function from that path to a function from the name of an
            endpoint to what `parity.check` runs.
        background: `None`, or `Background` of the network.
        tolerance: float. As `parity.check` takes it.
        more: sequence of what else can be called, each with a `check(load
            result, recipe, tolerance)`. Defaults to none.
        reduce: function of a directory with the network in float32, another
            one to write it to in `form.precision`, and a list of clips. Not
            needed for float32. Defaults to `None`.

    Returns:
        float, the largest difference found of the first endpoint, to float32
        where the precision is another one.

    Raises:
        ValueError: if `path` holds something that is no such export, or there
            are no videos to test another precision on.
        RuntimeError: if the exported network differs, or another precision
            costs more than `form.max_loss`.
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
    """One clear error of whatever the library that does it says."""
    try:
        reduce(plain, directory, clips)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"The network cannot be written in {form.precision}. Expected "
            f"operations that the format {form.format!r} has in it. Received: "
            f"{type(error).__name__}: {reason}"
        ) from error


def _origin(model, directory):
    """The `Origin` of an export: the network, and with what it was written."""
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
    """Yields a temporary directory that takes the place of an earlier export,
    known by its network's file, or of nothing."""
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
    """Raises a `ValueError` if the network makes flow inside, which a
    SavedModel alone can."""
    if endpoint.makes_flow:
        raise ValueError(
            f"Flow inside the network is for a SavedModel only. Expected "
            f"a network that is given its flow for {what}, such as a "
            "`LateFusion` without flow_from. Received: "
            f"model={endpoint.model.name!r}"
        )
