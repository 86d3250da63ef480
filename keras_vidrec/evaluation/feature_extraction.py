"""Computes and stores features of videos by trained networks."""

import collections.abc
import contextlib
import dataclasses
import itertools
import logging
import math
import pathlib

import numpy as np
import tqdm

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.data import origins
from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.augmentation import Flip
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.data.clips import reader
from keras_vidrec.data.failures import Failures
from keras_vidrec.data.failures import TooManyFailures
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.features import FeatureSettings
from keras_vidrec.data.preparing.feature_writer import FeatureWriter
from keras_vidrec.data.read_ahead import draw_of
from keras_vidrec.data.read_ahead import read_ahead
from keras_vidrec.evaluation import spread
from keras_vidrec.evaluation.scorers.replicas import Replicas
from keras_vidrec.evaluation.scorers.scorer import SNIPPETS_A_CALL
from keras_vidrec.evaluation.scorers.scorer import equal_groups
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol
from keras_vidrec.videos.health import Health
from keras_vidrec.videos.video import VideoError

logger = logging.getLogger("keras_vidrec")

_FLOWS = feature_tower.STREAMS["flow"]
# Augmentation of the draws: that of STFN's training.
_VERSIONS = Augmentation((Crop("multi_scale_regular"), Flip()))


def extract(
    networks,
    opened,
    directory,
    *,
    grid="feature_grid",
    num_frames=25,
    max_frames=None,
    draws=0,
    seed=0,
    made_from=None,
    shard_bytes=shards.SHARD_BYTES,
    runner=None,
    verbose=True,
):
    """Writes the features of all videos of a dataset, or resumes an interrupted
    call.

    The features of a frame are the input of the network's classifier for its
    snippet: the pooled output of the tower, before dropout. `num_frames` frames
    of each video are used, in the central crop. The position of motion images
    relative to the frame is that of the grid's paper
    (`FeatureSettings.alignment`), not that of the network's training, so that
    the features of both streams are of the same time.

    After an interruption the same call resumes from the last finished video.
    The features of videos whose content or class has changed are computed
    again, and these videos are listed. Videos that fail are left out and listed
    in `report.json`; another call tries them again.

    A draw is another version of a training video (of any split) with a random
    crop and flip, and with the grid `"uniform"` also random frames, one of each
    segment. It is the same for both streams, and depends only on the seed, the
    video's name and the number of the draw.

    Args:
        networks: dict from stream, `"rgb"` or `"flow"`, to a network of one
            modality that classifies single snippets, such as `TSN`.
        opened: `data.opening.Opened`.
        directory: path of the dataset of features: new, empty, or started with
            the same arguments.
        grid: as for `data.prepared.features.FeatureSettings`.
        num_frames, max_frames, draws, seed: as for `FeatureSettings`.
        made_from: `None`, or dict, as for `FeatureSettings`: the paths of the
            networks and the dataset, for joining the networks later with one
            that is trained on the features. Defaults to `None`.
        shard_bytes: int. A shard of at least this length is complete.
            Defaults to 512 MB.
        runner: `None` (this process), or `data.preparing.parts.Runner`, whose
            workers compute the features; these are the same for each video.
            Workers must have the videos and the directory at the same paths.
            Defaults to `None`.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `data.preparing.prepare.Prepared`.

    Raises:
        ValueError: if networks and dataset do not fit, or the directory
            contains something else.
        TooManyFailures: if over 5 % of the videos cannot be read.
        OSError: if the disk is full; finished results are kept.
        RuntimeError: if the workers fail; finished results are kept.
    """
    _, source, catalog = opened
    towers = {
        stream: _Tower(stream, model, num_frames)
        for stream, model in networks.items()
    }
    _check_source(source, towers)
    _tell_apart(towers)
    settings = FeatureSettings(
        features={s: tower.num_features for s, tower in towers.items()},
        networks={s: tower.fingerprint for s, tower in towers.items()},
        crops={s: tower.spec.size for s, tower in towers.items()},
        frames={s: tower.spec.frame.to_dict() for s, tower in towers.items()},
        grid=grid,
        num_frames=num_frames,
        max_frames=max_frames,
        flow=dataclasses.asdict(towers["flow"].spec.flow)
        if "flow" in towers
        else None,
        draws=draws,
        seed=seed,
        images=source.how_made(),
        made_from=made_from or {},
    )
    contents = source.contents
    parents = {"dataset": source.origin()}
    parents |= {stream: tower.origin for stream, tower in towers.items()}
    trained_on = {i for split in catalog.splits.values() for i in split.train}
    job = _Extraction(source, settings, trained_on)
    failures = Failures(len(catalog.videos))
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(
            FeatureWriter(
                catalog,
                directory,
                settings,
                shard_bytes,
                contents,
                {"parents": parents, **origins.decoded()},
            )
        )
        bar = tqdm.tqdm(
            desc="features",
            total=len(catalog.videos),
            initial=len(catalog.videos) - len(writer.todo),
            unit="video",
            disable=None if verbose else True,  # None: shown on a terminal
        )
        stack.callback(bar.close)

        def take(name, row, arrays):
            if "unread" in row:
                writer.add_failed(name, row["unread"])
                try:
                    failures.add(name, row["unread"])
                except TooManyFailures:
                    writer.report()
                    raise
            else:
                health = row["health"] and Health.from_dict(row["health"])
                found = _by_stream(arrays, towers)
                writer.add(name, found, health, row["lost_share"])
            bar.update()

        names = [name for name in catalog.videos if name in writer.todo]
        state = pathlib.Path(directory, prepared_dataset.STATE, "parts")
        spread.clear(state)
        if runner is None:
            job.see_with(towers)
            for found in job.each(names):
                take(*found)
        else:
            spread.spread(runner, state, networks, job, names, take)
        return writer.finish()


class _Extraction(spread.Job):
    """The job of computing features, in this process or by workers."""

    def __init__(self, source, settings, trained_on):
        self._source = source
        self._settings = settings
        self._trained_on = trained_on

    def open(self, models):
        """See `Job`."""
        num_frames = self._settings.num_frames
        self.see_with(
            {
                stream: _Tower(stream, model, num_frames)
                for stream, model in models.items()
            }
        )

    def see_with(self, towers):
        """As `open`, with a dict of `_Tower` by stream."""
        self._towers = towers
        self._clips = _Clips(self._source, towers, self._settings)

    def each(self, videos):
        """See `Job`. The videos are in the order of the source. A row with
        `unread` has the reason why a video cannot be read."""
        source, wanted = self._source, {*videos}
        tasks = [
            (index, draw)
            for index, name in enumerate(source.videos)
            if name in wanted
            for draw in range(
                1 + self._settings.draws * (index in self._trained_on)
            )
        ]
        with read_ahead(self._clips.read, tasks) as results:
            for index, versions in itertools.groupby(results, lambda r: r[0]):
                name = source.videos[index]
                found = _see(self._towers, versions)
                if isinstance(found, Exception):
                    yield name, {"unread": str(found)}, {}
                    continue
                health, lost_share = self._clips.health(index)
                health = health and health.to_dict()
                row = {"health": health, "lost_share": lost_share}
                yield name, row, found


def _see(towers, versions):
    """Computes the features of all versions of a video, as a dict with the keys
    `STREAM.VERSION`. Returns the first error if a version cannot be read."""
    features = {}
    error = None
    for version, (_, clip) in enumerate(versions):
        if isinstance(clip, Exception):
            error = error or clip
        if error is None:
            for stream, tower in towers.items():
                features[f"{stream}.{version}"] = tower(clip[stream])
    return error or features


def _by_stream(
    features: dict, streams: collections.abc.Collection[str]
) -> dict:
    """Converts the result of `_see` to a dict of lists by stream, with an item
    for each version."""
    return {
        stream: [
            features[f"{stream}.{version}"]
            for version in range(len(features) // len(streams))
        ]
        for stream in streams
    }


class _Tower:
    """The part of a network that computes features.

    Args:
        stream: str, `"rgb"` or `"flow"`.
        model: keras.Model that classifies single snippets.
        num_frames: int. Number of frames in a call.

    Attributes:
        spec: `ClipSpec` of the network.
        num_features: int. Number of features of a frame.
        fingerprint: str. Name of the network and fingerprint of its weights.
        origin: `Origin` of the network.
    """

    def __init__(self, stream, model, num_frames):
        described = describe(model)
        self.spec = described.clip_spec
        tower = feature_tower.features_of(model, stream)
        self._model = Replicas(tower)
        self._num_frames = num_frames
        self.num_features = tower.output.shape[-1]
        found = feature_tower.fingerprint(tower)
        self.fingerprint = f"{model.name} {found}"
        self.origin = (described.origin or Origin()).replace(
            kind="network", fingerprint=found
        )
        # A network built for a fixed number of segments needs clips of this
        # length.
        fixed, devices = tower.input.shape[1], self._model.num_devices
        group = fixed or equal_groups(num_frames, SNIPPETS_A_CALL, devices)
        num_groups = math.ceil(num_frames / group)
        self._places = np.arange(num_groups * group) % num_frames
        self._places = self._places.reshape(num_groups, group)
        # All calls have the same shape.
        most = max(SNIPPETS_A_CALL // group, 1)
        self._groups_a_call = equal_groups(num_groups, most, devices)

    def __call__(self, clip):
        """Returns the features of a clip `(frames, height, width, channels)` as
        a float32 array `(frames, features)`."""
        num_groups = len(self._places)
        starts = range(0, num_groups, self._groups_a_call)
        calls = (np.arange(s, s + self._groups_a_call) for s in starts)
        batches = (clip[self._places[rows % num_groups]] for rows in calls)
        features = [
            seen.reshape(-1, self.num_features)
            for seen in self._model.each(batches)
        ]
        return np.concatenate(features)[: self._num_frames].astype("float32")


class _Clips:
    """Reads the clips of videos for which features are computed.

    Args:
        source: `Source`.
        towers: dict of `_Tower` by stream.
        settings: `FeatureSettings`.
    """

    def __init__(self, source, towers, settings):
        modalities = [tower.spec.modalities[0] for tower in towers.values()]
        self._source = _SameFrames(
            source,
            modalities,
            settings.max_frames,
            # The positions of this grid are those of flow images, of which
            # there is one less than frames.
            alike=settings.grid != "feature_grid",
        )
        self._seed = settings.seed
        self._test = TestProtocol(
            num_segments=settings.num_frames,
            sampling=settings.grid,
            alignment=settings.alignment,
            crops="center",
        )
        self._specs = {
            stream: self._test.shown(tower.spec)
            for stream, tower in towers.items()
        }

    def health(self, index):
        """Returns the `Health` of a video, and the share of its frames that is
        lost."""
        (spec, *_) = self._specs.values()
        source = self._source.seen_as(spec.frame).source
        return source.health(index), source.lost_share(index)

    def read(self, task):
        """Reads the clips of a version of a video.

        Args:
            task: `(index, draw)`, ints. Draw 0 is the clip of the test.

        Returns:
            `(index, clips)`: a dict of arrays by stream, or the error if the
            video cannot be read.
        """
        index, draw = task
        clips = {}
        try:
            for stream, spec in self._specs.items():
                clips[stream] = self._read(index, draw, spec)
        except (VideoError, OSError) as error:
            return index, error
        return index, clips

    def _read(self, index, draw, spec):
        if draw == 0:
            clip = reader.read_test_clip(
                self._source, index, spec, **self._test.reading()
            )
        else:
            # The same random values for each stream.
            rng = draw_of(self._seed, self._source.videos[index], draw)
            clip = reader.read_training_clip(
                self._source, index, spec, _VERSIONS, rng
            )
        (images,) = clip.values()
        return images


class _SameFrames:
    """A source with the same number of images in all modalities.

    Args:
        source: `Source`.
        modalities: sequence of str.
        max_frames: `None` (all), or int: only the first frames are used.
        alike: bool. If `False`, there is one flow image less than frames.
    """

    def __init__(self, source, modalities, max_frames, alike):
        self.source = source
        self._modalities = modalities
        self._max_frames = max_frames
        self._alike = alike
        self.videos = source.videos
        self.read = source.read

    def seen_as(self, frame):
        """See `Source`."""
        source = self.source.seen_as(frame)
        return _SameFrames(
            source, self._modalities, self._max_frames, self._alike
        )

    def num_frames(self, index, modality):
        frames = min(
            self.source.num_frames(index, modality) + (modality in _FLOWS)
            for modality in self._modalities
        )
        frames = min(frames, self._max_frames or math.inf)
        if self._alike:
            return frames - any(m in _FLOWS for m in self._modalities)
        return frames - (modality in _FLOWS)


def _tell_apart(towers):
    """Logs a warning, before the work starts, if the networks cannot be joined
    later because they use frames of different sizes."""
    for field in ("frame", "size"):
        seen = {s: getattr(tower.spec, field) for s, tower in towers.items()}
        if len({*seen.values()}) > 1:
            shown = ", ".join(f"{s}: {value}" for s, value in seen.items())
            logger.warning(
                "The clip specifications of the networks differ in %s (%s). A "
                "network trained on their features cannot be joined with them "
                "to one network for videos (`vidrec join`).",
                field,
                shown,
            )


def _check_source(source, towers):
    """Raises an error if a source lacks the modality of a network, or its flow
    was made with other settings."""
    if feature_reader.are_features(source):
        raise ValueError(
            "Features are computed from videos, frame folders, or prepared "
            "datasets. Received: a dataset of features"
        )
    for tower in towers.values():
        (modality,) = tower.spec.modalities
        if modality not in source.modalities:
            raise ValueError(
                f"Expected a dataset that contains {modality}, the input of "
                f"a network. Received: {source.modalities}"
            )
    if "flow" in towers and source.flow is not None:
        wanted, made = towers["flow"].spec.flow, source.flow
        if (wanted.method, wanted.bound) != (made.method, made.bound):
            raise ValueError(
                f"Expected flow by {wanted.method} with bound "
                f"{wanted.bound}, as the network was trained. Received: a "
                f"dataset with {made.method} and bound {made.bound}"
            )
