"""The videos of a run: which of them serve for what, as at its first start."""

import dataclasses
import json
import typing

from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.specs import fingerprint

_PARTS = ("train", "validation", "test")
# Names that a line lists.
_NAMED = 3


class Video(typing.NamedTuple):
    """A video in the lists of a run: its name in the dataset, the name of its
    class (several are separated by `;`), and the fingerprint of its content, if
    known.
    """

    name: str
    label: str
    content: str | None


@dataclasses.dataclass(frozen=True)
class RunVideos:
    """The lists of a run. They stay as they are while the dataset grows: no
    video that was trained on ever comes into the test.

    Args:
        classes: tuple of str. Names of the classes, in the order of labels.
        train, validation, test: tuples of `Video`.
    """

    classes: tuple
    train: tuple
    validation: tuple
    test: tuple

    @classmethod
    def of(cls, data):
        """Those of a `Dataset`."""
        videos = _videos(data.source)
        parts = (
            tuple(videos[index] for index in getattr(data, part))
            for part in _PARTS
        )
        return cls(tuple(data.source.classes), *parts)

    @classmethod
    def load(cls, path):
        """Those that were saved; `None` if there is no such file.

        Raises:
            ValueError: naming the file, if it is damaged.
        """
        try:
            values = documents.read_json(path)
            return cls(
                tuple(values["classes"]),
                *(tuple(Video(*row) for row in values[p]) for p in _PARTS),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"Expected the lists of videos of a run. Received: {path}, "
                f"which is damaged ({error}). Without it, the run cannot be "
                "resumed, and is tested on the present test list of its "
                "dataset"
            ) from error

    def save(self, path):
        """Writes them as JSON."""
        files.write_text(path, json.dumps(dataclasses.asdict(self)) + "\n")

    def get_state(self):
        """The fingerprint of these lists, for the backup."""
        return fingerprint(dataclasses.asdict(self))

    def set_state(self, state):
        """Refuses a backup of a training on other videos."""
        if state != self.get_state():
            raise ValueError(
                "The backup is from a training on other videos. Expected "
                "the videos that the run started with, and their list, "
                "videos.json. Received: others"
            )

    def to_train(self, data, where):
        """A dataset with these parts, for a training that is resumed.

        Args:
            data: `Dataset`, as it is now.
            where: path of the run.

        Returns:
            `Dataset`, whose `changes` name what is not used.

        Raises:
            ValueError: naming what has changed, if it is classes, or videos
                that serve for training or validation.
        """
        trained = (*self.train, *self.validation)
        changes = [
            *self._changed_classes(data.source.classes),
            *_changed(trained, data.source),
        ]
        if changes:
            raise ValueError(
                f"{data.recipe.data.directory} has changed since {where} "
                "started. Expected the videos that its weights were trained "
                "on, or another directory for a new run. Received: "
                f"{'; '.join(changes)}"
            )
        return self.apply(data)

    def apply(self, data):
        """A `Dataset` with these parts, as far as their videos are there; its
        `changes` name what is different now."""
        source = data.source
        places = {name: index for index, name in enumerate(source.videos)}
        now = {i: part for part in _PARTS for i in getattr(data, part)}
        parts, moved = {}, []
        for part in _PARTS:
            names = [video.name for video in getattr(self, part)]
            parts[part] = tuple(places[n] for n in names if n in places)
            moved += [n for n in names if now.get(places.get(n), part) != part]
        kept = {i for part in parts.values() for i in part}
        added = [source.videos[i] for i in sorted(now.keys() - kept)]
        remarks = []
        if added:
            remarks.append(
                f"Added since the run started, and not used: {_named(added)}."
            )
        if moved:
            remarks.append(
                "The split of the dataset has changed; the run keeps its own: "
                f"{_named(moved)}."
            )
        changes = _changed(self.test, source)
        if changes:
            remarks.append(
                "The test has changed since the run started: "
                f"{'; '.join(changes)}."
            )
        return dataclasses.replace(data, **parts, changes=tuple(remarks))

    def _changed_classes(self, classes):
        if self.classes == tuple(classes):
            return []
        gone = [name for name in self.classes if name not in classes]
        new = [name for name in classes if name not in self.classes]
        named = [
            f"{what} {_named(names)}"
            for what, names in (("gone", gone), ("new", new))
            if names
        ]
        return [f"other classes: {', '.join(named) or 'another order'}"]


def _videos(source):
    """A `Video` for each of a source."""
    labels = (
        "; ".join(label_sets.names(label, source.classes))
        for label in source.labels
    )
    return [*map(Video, source.videos, labels, source.contents)]


def _changed(videos, source):
    """What has become of some videos, in words."""
    now = {video.name: video for video in _videos(source)}
    removed, labels, replaced = [], [], []
    for name, label, content in videos:
        found = now.get(name)
        if found is None:
            removed.append((name, content))
            continue
        if found.label != label:
            labels.append(f"{name} from {label} to {found.label}")
        if None not in (content, found.content) and content != found.content:
            replaced.append(name)
    known = {video.name for video in videos}
    new = {v.content: name for name, v in now.items() if name not in known}
    changes = {
        "removed": [
            f"{name} (now {new[content]})"
            if content in new and content
            else name
            for name, content in removed
        ],
        "of another class": labels,
        "replaced by others of the same name": replaced,
    }
    return [f"{what}: {_named(x)}" for what, x in changes.items() if x]


def _named(names):
    """How many, and the first of them."""
    listed = ", ".join(names[:_NAMED]) + (", ..." if names[_NAMED:] else "")
    return f"{listed} ({len(names)})"
