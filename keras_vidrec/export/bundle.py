"""The directory of an export: the network, and what is said of it."""

import contextlib
import hashlib
import importlib
import json
import pathlib

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.evaluation import origins
from keras_vidrec.export import model_card
from keras_vidrec.export import parity
from keras_vidrec.export.background import Background
from keras_vidrec.reporting import chain
from keras_vidrec.specs import Origin
from keras_vidrec.specs import files
from keras_vidrec.training import environment


def write(model, format, path, endpoints, save, load, background, tolerance):
    """Writes an export and what stands beside it: the classes, one a line, and
    so their thresholds, of several labels a video,
    what the network wants to see of a video, how it is tested, what it was
    made from, and the model card. Before it gets its name it is loaded again
    and compared with the network.

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

    Returns:
        float, the largest difference found of the first endpoint.

    Raises:
        ValueError: if `path` holds something that is no such export.
        RuntimeError: if the exported network differs.
    """
    background = background or Background(model.name)
    description = describe(model)
    names, spec = description.class_names, description.clip_spec
    with _replacing(pathlib.Path(path), model_card.FILES[format]) as temporary:
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
        card = model_card.write(
            format, description, background, endpoints, checks, origin
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
        if spec is not None:
            text = json.dumps(spec.to_dict(), indent=2)
            (temporary / model_card.SPEC_FILE).write_text(text + "\n", "utf-8")
        if description.test_protocol is not None:
            text = json.dumps(description.test_protocol.to_dict(), indent=2)
            (temporary / model_card.TEST_FILE).write_text(text + "\n", "utf-8")
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


def check_installed(extra, modules):
    """Checks that the libraries of an extra are there; a `ValueError` names the
    extra if not."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ValueError(
                f"Expected the libraries of the extra {extra!r}: pip install "
                f"keras-vidrec[{extra}]. Received: {error}"
            ) from error


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
