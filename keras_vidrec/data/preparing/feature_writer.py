"""Writes a dataset of features; can be interrupted and resumed at any time."""

import contextlib
import pathlib

from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.features import FeatureVersions
from keras_vidrec.data.preparing import prepare
from keras_vidrec.data.preparing.record_writer import RecordWriter


class FeatureWriter:
    """Writes features video by video into shards, or resumes writing.

    After an interruption a writer with the same settings resumes after the last
    video that was added, as `prepare.prepare` does; after a kill, `todo` also
    has those that were not synced yet. Close it, or use it in a `with`
    statement.

    Args:
        catalog: `Catalog` of the videos.
        directory: path of the dataset.
        settings: `FeatureSettings`.
        shard_bytes: int. A shard is complete when it has at least this number
            of bytes. Defaults to 512 MiB.
        contents: `None` (not known), or sequence of str or `None`: the content
            of each video, as in `Source.contents`. Features of videos that have
            changed are computed again. Defaults to `None`.
        made_from: `None`, or dict of fields of the `Origin` of the features.
            Defaults to `None`.

    Attributes:
        todo: dict from the name of each video without features to its label.

    Raises:
        ValueError: if the directory contains something else, other settings
            were used in it, or another process is writing it.
    """

    def __init__(
        self,
        catalog,
        directory,
        settings,
        shard_bytes=shards.SHARD_BYTES,
        contents=None,
        made_from=None,
    ):
        self._catalog = catalog
        self._directory = pathlib.Path(directory)
        self._settings = settings
        self._made_from = made_from
        self._contents = dict.fromkeys(catalog.videos)
        self._contents.update(zip(catalog.videos, contents or ()))
        with contextlib.ExitStack() as stack:
            self._journal = prepare.begin(catalog, self._directory, settings)
            stack.callback(self._journal.close)
            prepare.check_shards(self._directory, self._journal)
            self.todo = prepare.left_to_do(
                catalog, self._journal, self._contents.get
            )
            self._writer = stack.enter_context(
                RecordWriter(
                    self._directory,
                    settings.modalities,
                    self._journal,
                    shard_bytes,
                )
            )
            self._open = stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def add(self, video, versions, health=None, lost_share=0.0):
        """Writes the features of a video.

        Args:
            video: str. One of `todo`.
            versions: dict from stream to a sequence of arrays `(num_frames,
                features)`: those of the central crop, then those of each random
                crop.
            health: `None`, or `Health` of the video. Defaults to `None`.
            lost_share: float. Share of the video's frames that is lost.
                Defaults to `0.0`.

        Raises:
            ValueError: on arrays of another shape, or values outside the range
                of float16.
            OSError: if the disk is full; finished videos are kept.
        """
        settings = self._settings
        records = {}
        for stream, num_features in settings.features.items():
            for version in versions[stream]:
                if version.shape != (settings.num_frames, num_features):
                    raise ValueError(
                        f"Expected features of {stream} of shape "
                        f"{(settings.num_frames, num_features)}. Received: "
                        f"shape {version.shape}"
                    )
            found = FeatureVersions(versions[stream])
            records[stream] = settings.num_frames, num_features, found
        positions = self._writer.append(video, self.todo[video], records)
        self._journal.add_done(
            video,
            self.todo[video],
            positions,
            settings.num_frames,
            health=(health and health.to_dict(), lost_share),
            content=self._contents[video],
        )
        self._writer.go_on()

    def add_failed(self, video, reason):
        """Records that a video has no features, and why. Another run tries it
        again."""
        self._journal.add_failed(video, reason)

    def report(self):
        """Writes the failures so far to `report.json`, in case the run ends
        early.
        """
        prepared_dataset.write_report(
            self._directory, self._catalog, self._journal.failed, ()
        )

    def finish(self):
        """Completes the shards and writes the description of the dataset.

        Returns:
            `prepare.Prepared`.

        Raises:
            ValueError: if no video has features.
        """
        self._writer.seal()
        return prepare.finish(
            self._catalog,
            self._directory,
            self._settings,
            self._journal,
            len(self.todo),
            self._made_from,
        )

    def close(self):
        """Closes the dataset without completing it, to be resumed later."""
        self._open.close()
