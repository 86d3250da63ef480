"""The measurements of the network of a run, saved in the run."""

import json
import logging

from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.reporting.measuring import size as sizes
from keras_vidrec.reporting.measuring.measurement import Measurement
from keras_vidrec.specs import documents
from keras_vidrec.specs import files

logger = logging.getLogger("keras_vidrec")

FILE = "benchmark.json"


def keep(run, measurements) -> None:
    """Writes measurements of the network of a run to `benchmark.json` in the
    run. A file that cannot be written is only logged.

    Args:
        run: `Run`.
        measurements: sequence of `Measurement`.
    """
    values = {
        "model": freshness.fingerprint(run.trained_files[-1]),
        "measurements": [one.to_dict() for one in measurements],
    }
    try:
        text = json.dumps(values, indent=1)
        files.write_text(run.path / FILE, text + "\n")
    except OSError as error:
        logger.warning("The measurements are not saved in the run: %s", error)


def of(run) -> tuple[Measurement, ...]:
    """Reads the measurements of the current network of a run.

    Args:
        run: `Run`.

    Returns:
        tuple of `Measurement`, empty if there are none; also, with a warning,
        if the file is damaged or its measurements are those of an earlier
        network.
    """
    path = run.path / FILE
    if not path.is_file() or not run.trained_files:
        return ()
    try:
        found = documents.read_json(path)
        if found["model"] != freshness.fingerprint(run.trained_files[-1]):
            logger.warning(
                "Left out: %s, measured with an earlier network of the run. "
                "Measure the current one with `vidrec benchmark %s`.",
                path,
                run.path,
            )
            return ()
        return tuple(map(Measurement.from_dict, found["measurements"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("Left out: %s, which is damaged: %s", path, error)
        return ()


def size_of(run, measured=()) -> sizes.Size | None:
    """Returns the size of the network of a run.

    Args:
        run: `Run`.
        measured: sequence of `Measurement` of this network. The first one has
            the size; without any, it is counted. Defaults to none.

    Returns:
        `Size`; or `None` if the run has no network, or, with a warning, if the
        network cannot be loaded or its size cannot be counted.
    """
    for one in measured:
        return sizes.Size(one.parameters, one.multiply_adds, one.clip)
    if not run.trained_files:
        return None
    try:
        return sizes.of(run.load_model())
    except ValueError as error:
        logger.warning("The size of the network is not known: %s", error)
        return None
