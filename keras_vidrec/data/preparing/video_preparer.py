"""The work of a process that prepares the clips of a file."""

import contextlib
import os
import shutil
import tempfile
import threading

from keras_vidrec.data import origins
from keras_vidrec.data.catalogs import segments
from keras_vidrec.data.clips import frame_size
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.preparing.video import prepare_video
from keras_vidrec.data.preparing.workers import WornOut
from keras_vidrec.data.sources import frame_map
from keras_vidrec.specs import files
from keras_vidrec.videos import video
from keras_vidrec.videos.health_cache import HealthCache
from keras_vidrec.videos.video import VideoError

# Not an attribute of `VideoPreparer`, because locks cannot be pickled.
_LOCK = threading.Lock()


class VideoPreparer:
    """Prepares the clips of a file. It can be pickled for other processes.

    `preparer(scratch, names, report)` takes the path of a directory for
    temporary files, the names of clips of one file, and a callable that it
    calls with numbers of finished frames. It returns a list with a
    `PreparedVideo` for each clip, or a str that says why it cannot be prepared.
    It raises an `OSError` if the disk is full, and `WornOut` if another process
    has to prepare the file.

    Args:
        root: path of the directory of the videos.
        preparation: `Preparation`.
        make: see `prepare`. Defaults to `None`.
        parts: `None`, or dict from the name of a clip to `(file, segment)`, for
            clips that are not the whole file of their name. Defaults to `None`.
    """

    def __init__(self, root, preparation, make=None, parts=None):
        self._root = root
        self._preparation = preparation
        self._make = make
        self._parts = parts or {}
        self._size = None
        self._healths = None

    def __getstate__(self):
        # Each process has its own cache of healths.
        return {**self.__dict__, "_size": None, "_healths": None}

    @classmethod
    def of(cls, catalog, preparation, make=None, root=None):
        """Makes the `VideoPreparer` of a `Catalog`. `root` is the path of its
        directory in the processes; `None` means `catalog.root`."""
        rows = zip(catalog.videos, catalog.files, catalog.segments)
        parts = {
            name: (file, segment)
            for name, file, segment in rows
            if (file, segment) != (name, None)
        }
        return cls(root or catalog.root, preparation, make, parts)

    @property
    def modalities(self):
        """Tuple of str: the modalities that are made."""
        return self._preparation.modalities

    def tasks(self, names):
        """Groups names of clips by file: list of tuples, in the order of the
        first occurrence of each file."""
        if self._make is not None:
            return [(name,) for name in names]
        groups = {}
        for name in names:
            groups.setdefault(self._part(name)[0], []).append(name)
        return list(map(tuple, groups.values()))

    def learn(self, name, prepared):
        """Adds the health and times of a clip's file to the cache, so that it
        need not be decoded again for them."""
        if prepared.health is not None:
            file, segment = self._part(name)
            whole = prepared.content if segment is None else None
            self._cache().add(
                file, prepared.key, prepared.health, prepared.times, whole
            )

    def content(self, name):
        """Returns the content of a clip, as `Source.content`, given its
        name."""
        if self._make is not None:
            known = getattr(self._make, "content", None)
            return known and known(name)
        file, segment = self._part(name)
        found = self._cache().content(file)
        return found and segments.name(found, segment)

    def made_from(self, catalog, journal):
        """Returns the fields for the `Origin` of a dataset that was prepared
        from the videos of a catalog, whose contents are in a `Journal`."""
        if self._make is not None:
            known = getattr(self._make, "origin", None)
            parents = {"dataset": known()} if known else {}
            return {"parents": parents, **origins.made_here()}
        lines = [journal.done.get(name, {}) for name in catalog.videos]
        parent = origins.of(
            "videos",
            catalog.videos,
            catalog.labels,
            catalog.classes,
            [line.get("content") for line in lines],
            **origins.decoded(),
        )
        return {"parents": {"dataset": parent}, **origins.decoded()}

    def save(self):
        """Saves the cache of healths."""
        if self._healths is not None:
            self._healths.save()

    def compiled_size(self, name):
        """The size `(height, width)` of the prepared frames of a video, if code
        is compiled for each size, as for TV-L1; else `()`."""
        if self._make is not None or self._preparation.flow != "tvl1":
            return ()
        wanted = self._preparation.frame
        try:
            with (
                storage.opened(self._path(name)) as file,
                contextlib.closing(
                    video.iter_frames(file, wanted.deinterlace)
                ) as frames,
            ):
                height, width = next(frames).shape[:2]
            return frame_size.size_of(wanted, height, width)
        except (OSError, ValueError, VideoError):
            return ()  # the error is reported when the video is prepared

    def __call__(self, scratch, names, report):
        if any("\n" in name for name in names):
            return ["its name has a line break. Rename it."] * len(names)
        # The memory of compiled code is never freed, so each process prepares
        # frames of one size only.
        size = self.compiled_size(names[0])
        if size and self._size not in (None, size):
            raise WornOut
        self._size = size or self._size
        # A separate directory, because the files of the video before may not
        # have been read yet.
        directory = tempfile.mkdtemp(dir=scratch)
        try:
            if self._make is None:
                return self._decode(names, directory, report)
            (name,) = names
            content = self.content(name)
            made = self._make(name, self._preparation, directory, report)
            return [made._replace(content=content)]
        except Exception as error:
            shutil.rmtree(directory, ignore_errors=True)
            if isinstance(error, OSError) and error.errno in files.NO_ROOM:
                raise
            return [_reason(error)] * len(names)

    def _decode(self, names, directory, report):
        # Determined before the file is read, so that it is noticed if the file
        # is replaced meanwhile.
        key = self._cache().key(self._part(names[0])[0])
        contents = {name: self.content(name) for name in names}
        found = {name: self._taken(name) for name in names}
        good = [n for n in names if not isinstance(found[n], VideoError)]
        if good:
            with storage.opened(self._path(names[0])) as file:
                prepared = prepare_video(
                    file,
                    self._preparation,
                    directory,
                    report,
                    [found[name] for name in good],
                )
            found.update(zip(good, prepared))
        results = []
        for name in names:
            result = found[name]
            if isinstance(result, VideoError):
                _, problem = result.args
                # The error of a segment names the clip instead of the file.
                if self._part(name)[1] is not None:
                    result = VideoError(name, problem)
                result = _reason(result)
            else:
                result = result._replace(key=key, content=contents[name])
                result = self._with_health(name, result)
            results.append(result)
        return results

    def _with_health(self, name, prepared):
        """Returns a `PreparedVideo` with health, times and lost share."""
        (file, segment), cache = self._part(name), self._cache()
        # It is `None` if the cache had to be used to find the frames.
        if prepared.health is not None:
            cache.add(file, prepared.key, prepared.health, prepared.times)
        return prepared._replace(
            health=cache[file],
            times=cache.times(file),
            lost_share=frame_map.lost_share(
                cache, file, self._preparation.frame, segment
            ),
        )

    def _taken(self, name):
        """Returns the indices of the frames of a clip in its file, `None` for
        all frames, or a `VideoError` if there are none."""
        file, segment = self._part(name)
        frame = self._preparation.frame
        if frame.fps is None and segment is None:
            return None
        try:
            return frame_map.frames_taken(self._cache(), file, frame, segment)
        except ValueError as error:
            return VideoError(name, str(error))

    def _cache(self):
        """The `HealthCache` of the files."""
        with _LOCK:
            if self._healths is None:
                self._healths = HealthCache(
                    self._root,
                    self._preparation.frame.deinterlace,
                    lambda file: storage.below(self._root, file),
                )
        return self._healths

    def _part(self, name):
        """The file and the segment of a clip."""
        return self._parts.get(name, (name, None))

    def _path(self, name):
        file = self._part(name)[0]
        path = storage.below(self._root, file)
        if isinstance(path, storage.RemotePath):
            return path
        return os.path.join(self._root, file)


def _reason(error: Exception) -> str:
    if isinstance(error, VideoError):
        return str(error)
    return f"{type(error).__name__}: {error}"
