"""Finds videos that have changed since they were prepared."""

import concurrent.futures
import logging
import os

from keras_vidrec.data.catalogs import label_sets

# The most threads that look up the contents of files, which may be remote.
_REQUESTS = 32
# The largest number of videos that a message names.
_NAMED = 5

logger = logging.getLogger("keras_vidrec")


class Changes:
    """The differences between a catalog and the journal. Changed videos are
    prepared again; removed ones are left out of the dataset.

    Args:
        catalog: `Catalog` of the current videos.
        journal: `Journal` of the prepared videos.
        content: callable that takes the name of a video and returns its
            content, as `Source.content`. If it is `None`, the video counts as
            unchanged.

    Attributes:
        replaced: list of str. Videos with another content.
        moved: list of str. Videos with another class and the same content.
        gone: list of str. Videos that are not in the catalog any more.
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
        """The names of the videos that must be prepared again."""
        return [*self.replaced, *self.moved]

    def tell(self):
        """Logs warnings about the changed videos."""
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
