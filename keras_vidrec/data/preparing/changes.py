"""What has become of the videos of a dataset since they were prepared."""

import concurrent.futures
import logging
import os

from keras_vidrec.data.catalogs import label_sets

# Read from files, which may be remote.
_REQUESTS = 32
_NAMED = 5

logger = logging.getLogger("keras_vidrec")


class Changes:
    """Videos that differ from the journal: they are prepared again, or hidden
    from readers.

    Args:
        catalog: `Catalog` of the videos that are there.
        journal: `Journal` of those that were prepared.
        content: callable that gives the content of a video by its name, as of
            `Source.content`. What is not known has not changed.

    Attributes:
        replaced: list of str. Videos of another content.
        moved: list of str. Videos of another class, of the same content.
        gone: list of str. Videos that are not in the catalog.
    """

    def __init__(self, catalog, journal, content):
        labels = dict(zip(catalog.videos, catalog.labels))
        lines = journal.done
        known = [name for name in lines if name in labels]
        with concurrent.futures.ThreadPoolExecutor(
            min(_REQUESTS, 4 * (os.cpu_count() or 1))
        ) as pool:
            contents = dict(zip(known, pool.map(content, known)))
        self.gone = [name for name in lines if name not in labels]
        self.replaced = [
            name
            for name in known
            if None not in (contents[name], lines[name]["content"])
            and contents[name] != lines[name]["content"]
        ]
        replaced = {*self.replaced}
        self.moved = [
            name
            for name in known
            if labels[name] != label_sets.of_json(lines[name]["label"])
            and name not in replaced
        ]

    @property
    def again(self):
        """Names of the videos that are to be prepared again."""
        return [*self.replaced, *self.moved]

    def tell(self):
        """Warns of what has changed, by name."""
        for names, what in (
            (
                self.replaced,
                "replaced by others of the same name, prepared again",
            ),
            (self.moved, "given another class, prepared again"),
            (self.gone, "removed, left out now"),
        ):
            if names:
                logger.warning(
                    "Videos that have changed since the last run (%s): %d, "
                    "%s%s",
                    what,
                    len(names),
                    ", ".join(names[:_NAMED]),
                    ", ..." if len(names) > _NAMED else "",
                )
