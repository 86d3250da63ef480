"""From the names of clips to what is written of them, in a process of its
own."""

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

# Of what threads share; a preparer is sent to other processes.
_LOCK = threading.Lock()


class VideoPreparer:
    """What a process does with the clips of one file: `PreparedVideo`s, or why
    not.

    Picklable. `preparer(scratch, names, report)` takes the path of a directory
    for files, the names of the clips, and a callable that takes numbers of
    frames; it returns of each clip a `PreparedVideo`, or a str if it cannot be
    prepared, and raises `OSError` if nothing can be written any more, and
    `WornOut` if the file is for another process.

    Args:
        root: path of the directory of the videos.
        preparation: `Preparation`.
        make: see `prepare`. Defaults to `None`.
        parts: dict from the name of a clip to `(file, segment)`, of those that
            are not the whole file that they are named for. Defaults to none.
    """

    def __init__(self, root, preparation, make=None, parts=None):
        self._root = root
        self._preparation = preparation
        self._make = make
        self._parts = parts or {}
        self._size = None
        self._healths = None

    def __getstate__(self):
        # Each process looks for itself.
        return {**self.__dict__, "_size": None, "_healths": None}

    @classmethod
    def of(cls, catalog, preparation, make=None, root=None):
        """The one of a `Catalog`, whose directory may have another path in
        other processes.
        """
        rows = zip(catalog.videos, catalog.files, catalog.segments)
        parts = {
            name: (file, segment)
            for name, file, segment in rows
            if (file, segment) != (name, None)
        }
        return cls(root or catalog.root, preparation, make, parts)

    @property
    def modalities(self):
        """Tuple of str: what is made."""
        return self._preparation.modalities

    def tasks(self, names):
        """The names in groups of one file, each a tuple, in the order in which
        the files come first."""
        if self._make is not None:
            return [(name,) for name in names]
        groups = {}
        for name in names:
            groups.setdefault(self._part(name)[0], []).append(name)
        return list(map(tuple, groups.values()))

    def learn(self, name, prepared):
        """Stores the health and times of a clip's file found in the
        preparation, so that later readers need not decode it again.
        """
        if prepared.health is not None:
            file, segment = self._part(name)
            whole = prepared.content if segment is None else None
            self._cache().add(
                file, prepared.key, prepared.health, prepared.times, whole
            )

    def content(self, name):
        """What the content of a clip is, as of `Source.content`."""
        if self._make is not None:
            known = getattr(self._make, "content", None)
            return known and known(name)
        file, segment = self._part(name)
        found = self._cache().content(file)
        return found and segments.name(found, segment)

    def made_from(self, catalog, journal):
        """Fields of the `Origin` of what is made of the videos of a catalog,
        whose contents are in a `Journal`.
        """
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
        """Writes the collected results."""
        if self._healths is not None:
            self._healths.save()

    def compiled_size(self, name):
        """Size of the prepared frames of a video if the work compiles for it
        as TV-L1 does, else `()`."""
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
            return ()  # what is wrong with it is reported when it is prepared

    def __call__(self, scratch, names, report):
        if any("\n" in name for name in names):
            return ["its name has a line break. Rename it."] * len(names)
        # Memory that was compiled into is never given back.
        size = self.compiled_size(names[0])
        if size and self._size not in (None, size):
            raise WornOut
        self._size = size or self._size
        # Of its own: the video before may not have been fetched yet.
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
        # Before it is read, so that a replacement meanwhile is noticed.
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
                if self._part(name)[1] is not None:  # it is not the file's
                    result = VideoError(name, problem)
                result = _reason(result)
            else:
                result = result._replace(key=key, content=contents[name])
                result = self._with_health(name, result)
            results.append(result)
        return results

    def _with_health(self, name, prepared):
        (file, segment), cache = self._part(name), self._cache()
        if prepared.health is not None:  # else it was looked at before
            cache.add(file, prepared.key, prepared.health, prepared.times)
        return prepared._replace(
            health=cache[file],
            times=cache.times(file),
            lost_share=frame_map.lost_share(
                cache, file, self._preparation.frame, segment
            ),
        )

    def _taken(self, name):
        """The frames of its file that a clip consists of, or a `VideoError`
        that says why it has none."""
        file, segment = self._part(name)
        frame = self._preparation.frame
        if frame.fps is None and segment is None:
            return None
        try:
            return frame_map.frames_taken(self._cache(), file, frame, segment)
        except ValueError as error:
            return VideoError(name, str(error))

    def _cache(self):
        with _LOCK:
            if self._healths is None:
                self._healths = HealthCache(
                    self._root,
                    self._preparation.frame.deinterlace,
                    lambda file: storage.below(self._root, file),
                )
        return self._healths

    def _part(self, name):
        return self._parts.get(name, (name, None))

    def _path(self, name):
        file = self._part(name)[0]
        path = storage.below(self._root, file)
        if isinstance(path, storage.RemotePath):
            return path
        return os.path.join(self._root, file)


def _reason(error):
    if isinstance(error, VideoError):
        return str(error)
    return f"{type(error).__name__}: {error}"
