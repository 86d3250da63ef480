"""The directory of an export: the network, and what is said of it."""

import contextlib
import hashlib
import logging
import pathlib

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.evaluation import origins
from keras_vidrec.export import manifest
from keras_vidrec.export import model_card
from keras_vidrec.export import parity
from keras_vidrec.export import predict_file
from keras_vidrec.export.background import Background
from keras_vidrec.reporting import chain
from keras_vidrec.reporting.measuring import size as sizes
from keras_vidrec.specs import Origin
from keras_vidrec.specs import files
from keras_vidrec.training import environment

logger = logging.getLogger("keras_vidrec")


def write(
    model,
    format,
    path,
    endpoints,
    save,
    load,
    background,
    tolerance,
    more=(),
):
    """Writes an export and what is next to it: the classes, one per line, and
    so their thresholds, of several labels per video; all that is needed to
    answer from a video and the program that does; what it was made from; and
    the model card. Before it gets its name it is loaded again and compared with
    the network.

    Args:
        model: keras.Model of this package.
        format: str. One of `model_card.FILES`.
        path: path of the directory to be.
        endpoints: sequence of `Endpoint`, that of clips first.
        save: function that writes the network to a path.
        load: function from that path to a function from the name of an
            endpoint to what `parity.check` runs.
        background: `None`, or `Background` of the network.
        tolerance: float. As `parity.check` takes it.
        more: sequence of what else can be called, each with a `check(load
            result, recipe, tolerance)`. Defaults to none.

    Returns:
        float, the largest difference found of the first endpoint.

    Raises:
        ValueError: if `path` holds something that is no such export.
        RuntimeError: if the exported network differs.
    """
    background = background or Background(model.name)
    description = describe(model)
    names, file = description.class_names, model_card.FILES[format]
    missing = manifest.obstacle(model)
    if missing is not None:
        logger.warning("The export has no %s: %s", predict_file.FILE, missing)
    with _replacing(pathlib.Path(path), file) as temporary:
        save(temporary)
        origin = _origin(model, temporary)
        runs = load(temporary)
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
        card = model_card.write(
            format,
            description,
            background,
            endpoints,
            checks,
            origin,
            more,
            missing,
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
            model, description, background.name, format, file, endpoints[0]
        )
        manifest.write(facts, temporary, answers=missing is None)
    return checks[0].difference


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
            f"Received: {path}, which holds something else"
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
