"""What was measured of the network of a run, kept in the run."""

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
    """Writes measurements of the network of a `Run` into it, in the place of
    earlier ones. A run that cannot be written is as good as another: it is
    logged."""
    values = {
        "model": freshness.fingerprint(run.trained_files[-1]),
        "measurements": [one.to_dict() for one in measurements],
    }
    try:
        text = json.dumps(values, indent=1)
        files.write_text(run.path / FILE, text + "\n")
    except OSError as error:
        logger.warning("Not kept in the run: %s", error)


def of(run) -> tuple[Measurement, ...]:
    """The measurements of the network that a `Run` has now; none, where there
    are none, or they are of another one, or damaged, which is logged."""
    path = run.path / FILE
    if not path.is_file() or not run.trained_files:
        return ()
    try:
        found = documents.read_json(path)
        if found["model"] != freshness.fingerprint(run.trained_files[-1]):
            logger.warning(
                "Left out: %s, of another network than the run has now "
                "(`vidrec benchmark %s`).",
                path,
                run.path,
            )
            return ()
        return tuple(map(Measurement.from_dict, found["measurements"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("Left out: %s, which is damaged: %s", path, error)
        return ()


def size_of(run, measured=()) -> sizes.Size | None:
    """The `Size` of the network of a `Run`: as it was measured, what `of`
    gives, or else counted; `None` if there is none that can be read, which is
    logged."""
    for one in measured:
        return sizes.Size(one.parameters, one.multiply_adds, one.clip)
    if not run.trained_files:
        return None
    try:
        return sizes.of(run.load_model())
    except ValueError as error:
        logger.warning("The size of the network is not told: %s", error)
        return None
