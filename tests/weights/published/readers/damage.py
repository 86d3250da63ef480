"""Files that are damaged anywhere."""

import numpy as np


def count_refusals(read, path, tries):
    """Reads a file with up to three other bytes, many times.

    Args:
        read: callable that takes the path. It may succeed, or raise a
            `ValueError` that names the file.
        path: pathlib.Path.
        tries: int. How often.

    Returns:
        int, how often it was refused.
    """
    rng = np.random.default_rng(0)
    whole = path.read_bytes()
    refused = 0
    for _ in range(tries):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        try:
            read(path)
        except ValueError as error:
            assert path.name in str(error)
            refused += 1
    return refused
