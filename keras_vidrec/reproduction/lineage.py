"""Remembers which networks the parts of a reproduction were made from."""

import os
import pathlib
import typing

from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.reproduction.parts import Features
from keras_vidrec.reproduction.parts import Training


class Lineage:
    """The networks that trainings and features were made from.

    Args:
        directory: path of the reproduction.
        made_from: dict from the name of a part to a dict from the names of the
            trainings that it was made from to the fingerprints of their
            networks. `note` adds to it.
    """

    def __init__(
        self, directory: str | os.PathLike[str], made_from: dict
    ) -> None:
        self._path = pathlib.Path(directory)
        self._made_from = made_from
        self._fingerprints: dict = {}

    def note(self, part: Training | Features) -> bool:
        """Records what a part is made from, unless it was begun before. Returns
        whether something was recorded."""
        if part.name in self._made_from and self._place(part).exists():
            return False
        self._made_from[part.name] = self._networks(part)
        return True

    def outdated(self, part: typing.Any) -> str | None:
        """Returns why a training or features are not of the networks that there
        are now, and what to do about it; `None` if they are, nothing is known,
        or for other parts."""
        if not isinstance(part, Training | Features):
            return None
        known = self._made_from.get(part.name)
        if not known or not self._place(part).exists():
            return None
        for name, now in self._networks(part).items():
            if now is not None and known.get(name, now) != now:
                return (
                    f"it was made from an earlier network of {name}; remove "
                    f"{self._place(part)} to make it again"
                )
        return None

    def _place(self, part):
        """The directory of a part."""
        folder = "features" if isinstance(part, Features) else "runs"
        return self._path / folder / part.name

    def _networks(self, part):
        """Fingerprints by name of the networks that a part is made from."""
        starts = [] if isinstance(part, Features) else [*part.weights.values()]
        features = part if isinstance(part, Features) else part.features
        if features:
            starts += features.networks.values()
        return {
            start.name: self._fingerprint(start.name)
            for start in starts
            if isinstance(start, Training)
        }

    def _fingerprint(self, name):
        """The fingerprint of the network of a run; `None` without one."""
        path = self._path / "runs" / name / freshness.NETWORKS[0]
        if not path.is_file():
            return None
        found = path.stat()
        key = name, found.st_mtime_ns, found.st_size
        if key not in self._fingerprints:
            self._fingerprints[key] = freshness.fingerprint(path)
        return self._fingerprints[key]
