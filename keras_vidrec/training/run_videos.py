"""The training, validation and test videos of a run at its first start."""

import dataclasses
import json
import typing

from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.specs import fingerprint

_PARTS = ("train", "validation", "test")
# Maximum number of names in a line.
_NAMED = 3
# Between the names of the classes of one video.
_AND = "; "


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
    """The lists of videos of a run. They do not change when videos are added to
    the dataset, so a training video is never used in the test.

    Attributes:
        classes: tuple of str. Names of the classes, in the order of labels.
        train: tuple of `Video`.
        validation: tuple of `Video`.
        test: tuple of `Video`.
    """

    classes: tuple
    train: tuple
    validation: tuple
    test: tuple

    @classmethod
    def of(cls, data):
        """Makes the lists of a `Dataset`."""
        videos = _videos(data.source)
        parts = (
            tuple(videos[index] for index in getattr(data, part))
            for part in _PARTS
        )
        return cls(tuple(data.source.classes), *parts)

    def names(self, label) -> tuple:
        """The class names of the label of a `Video`: tuple of str."""
        if label in self.classes:
            return (label,)
        return tuple(filter(None, label.split(_AND)))

    @classmethod
    def load(cls, path):
        """Loads saved lists. Returns `None` if there is no such file.

        Raises:
            ValueError: if the file is damaged.
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
        """Writes the lists to a JSON file."""
        files.write_text(path, json.dumps(dataclasses.asdict(self)) + "\n")

    def get_state(self):
        """Returns the fingerprint of the lists, which backups store."""
        return fingerprint(dataclasses.asdict(self))

    def set_state(self, state):
        """Checks the fingerprint in a backup.

        Raises:
            ValueError: if the backup is from a training on other videos.
        """
        if state != self.get_state():
            raise ValueError(
                "The backup is from a training on other videos. Expected "
                "the videos that the run started with, and their list, "
                "videos.json. Received: others"
            )

    def to_train(self, data, where):
        """Returns the dataset with the parts of these lists, for a training
        that is resumed.

        Args:
            data: `Dataset` as it is now.
            where: path of the run.

        Returns:
            `Dataset`. Its `changes` list videos that are not used.

        Raises:
            ValueError: if classes, or training or validation videos have
                changed; the message lists them.
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
        """Returns the `Dataset` with the parts of these lists, without videos
        that no longer exist. Its `changes` describe the differences."""
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
    """A list with a `Video` for each video of a source."""
    labels = (
        _AND.join(label_sets.names(label, source.classes))
        for label in source.labels
    )
    return [*map(Video, source.videos, labels, source.contents)]


def _changed(videos, source):
    """Phrases that describe the changes of some videos: removed, of another
    class, or replaced."""
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


def _named(names: list[str]) -> str:
    """The first names of a list, and their number."""
    listed = ", ".join(names[:_NAMED]) + (", ..." if names[_NAMED:] else "")
    return f"{listed} ({len(names)})"
