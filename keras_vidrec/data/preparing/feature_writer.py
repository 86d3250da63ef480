"""Writing a dataset of features, resumable at any moment."""

import contextlib
import pathlib

from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.features import FeatureVersions
from keras_vidrec.data.preparing import prepare
from keras_vidrec.data.preparing.record_writer import RecordWriter


class FeatureWriter:
    """Writes features video by video into shards, or resumes that.

    The guarantees are those of `prepare.prepare`: after an interruption a
    writer with the same settings resumes after the last video that was added;
    if the process was killed, half a second before at most.
    Close it, or use it in a `with` statement. `todo` are the labels, by name,
    of the videos without features.

    Args:
        catalog: `Catalog` of the videos.
        directory: path of the dataset.
        settings: `FeatureSettings`.
        shard_bytes: int. A shard of at least this length is complete.
            Defaults to 512 MB.
        contents: `None` (not known), or sequence of str or `None`: the content
            of each video, as of `Source.contents`. Of those that have changed
            the features are made again. Defaults to `None`.
        made_from: `None`, or fields of the `Origin` of the features. Defaults
            to `None`.

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
                features)`: of the central crop, then of the draws.
            health: `None`, or `Health` of the video.
            lost_share: float. Of its frames. Defaults to `0.0`.

        Raises:
            ValueError: on arrays of another shape, or values that float16
                does not hold.
            OSError: if the disk is full; what is finished stays.
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
        """Notes why a video has no features; another run tries it again."""
        self._journal.add_failed(video, reason)

    def report(self):
        """Writes the failures so far to `report.json`, in case the run ends
        early.
        """
        prepared_dataset.write_report(
            self._directory, self._catalog, self._journal.failed, ()
        )

    def finish(self):
        """Completes the shards and describes the dataset; returns
        `prepare.Prepared`, or raises a `ValueError` if no video has features.
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
        """Leaves the dataset as it is, to be resumed later."""
        self._open.close()
