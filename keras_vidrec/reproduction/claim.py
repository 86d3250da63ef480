"""Records what the directory of a reproduction is of."""

import json
import os
import pathlib
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs import files

_FILE = "reproduction.json"


class Claim:
    """The data, the split files, the provided files and the initial weights of
    a reproduction, and what its parts were made from. They stay the same in one
    directory, because its runs are of them.

    Args:
        directory: path of the reproduction: new, empty, or with one.
        now: dict of JSON values of this call. Dicts in it may have further keys
            later.

    Attributes:
        values: dict, those of earlier calls among them.

    Raises:
        ValueError: if the directory contains something else, or a value is
            another one than in an earlier call.
    """

    def __init__(self, directory: str | os.PathLike[str], now: dict) -> None:
        self._directory = pathlib.Path(directory)
        path = self._directory / _FILE
        before = {}
        if path.is_file():
            before = documents.read_json(path)
        elif self._directory.exists() and any(self._directory.iterdir()):
            raise ValueError(
                "Expected a new or empty directory, or one of a "
                f"reproduction. Received: {self._directory}, which contains "
                "something else"
            )
        self.values = dict(now)
        for name, value in before.items():
            if isinstance(value, dict):
                self.values[name] = {**value, **now.get(name, {})}
                value = {**self.values[name], **value}
            self._check(name, value, self.values.get(name))

    def weights(self, name: str, used: typing.Any) -> None:
        """Claims initial weights: the path of a file, or the value that is used
        without one.

        Raises:
            ValueError: if an earlier call used others.
        """
        before = self.values["given"].setdefault(name, used)
        self._check(f"--given {name}", before, used)

    def exists(self) -> bool:
        """Whether the claim was written."""
        return (self._directory / _FILE).is_file()

    def write(self) -> None:
        """Writes the claim into the directory, which is made if necessary."""
        self._directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.values, indent=2) + "\n"
        files.write_text(self._directory / _FILE, text)

    def _check(self, name, before, now):
        checks.check(
            now == before,
            name,
            f"{before}, as before in {self._directory}, or another directory",
            now,
        )
