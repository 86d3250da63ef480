"""Names of the classes of published data sets."""

import functools
import pathlib

from keras_vidrec.specs import checks

FOLDER = pathlib.Path(__file__).parent / "names"


@functools.cache
def read(name: str) -> tuple:
    """Returns the names of the classes of a data set.

    Args:
        name: str. A file of `FOLDER` without `.txt`, such as `"kinetics400"`.
            Its first line, which describes the order, is left out.

    Returns:
        tuple of str, in the order of the scores of published networks.

    Raises:
        ValueError: if there is no such list.
    """
    known = tuple(sorted(path.stem for path in FOLDER.glob("*.txt")))
    checks.choice("class_names", name, known)
    _, *names = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    return tuple(names)
