"""What trained networks see in the frames of videos, before they classify."""

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
# Crops of the draws: STFN's, which is trained so.
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
    """Writes the features of all videos of a dataset, or resumes that.

    Features of a frame are what the network's classifier sees of its snippet:
    the pooled output of the tower, before dropout. Of each video `num_frames`
    frames are seen, in the central crop; motion stacks are around the frame as
    the paper of the grid has it (`FeatureSettings.alignment`), whatever the
    network was trained on, so that both streams see the same moments.

    After an interruption the same call resumes from the last finished video.
    The features of videos whose content or class has changed are computed
    again, and these videos are listed. Videos that fail are left out and named
    in `report.json`; another call tries them again.

    A draw is another version of a training video (of any split): random crop
    and flip, in the grid `"uniform"` also random frames, one of each segment;
    the same for both streams, and a function of the seed, the video's name
    and the number of the draw only.

    Args:
        networks: dict from stream, `"rgb"` or `"flow"`, to a network of one
            modality that classifies single snippets, such as `TSN`.
        opened: `data.opening.Opened`.
        directory: path of the dataset of features: new, empty, or begun with
            the same arguments.
        grid, num_frames, max_frames, draws, seed: as of
            `data.prepared.features.FeatureSettings`.
        made_from: `None`, or dict, as of `FeatureSettings`: where the networks
            and the dataset lie, for those who join them to what is trained
            on their features. Defaults to `None`.
        shard_bytes: int. A shard of at least this length is complete.
            Defaults to 512 MB.
        runner: `None` (this process), or `data.preparing.parts.Runner`, whose
            workers see the videos; the features of each video are the same.
            They find the videos and the directory at the same paths. Defaults
            to `None`.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `data.preparing.prepare.Prepared`.

    Raises:
        ValueError: on networks or datasets that do not fit, or a directory that
            contains something else.
        TooManyFailures: if over 5 % of the videos cannot be read.
        OSError: if the disk is full; what is finished stays.
        RuntimeError: if the workers fail; what is finished stays.
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
    """What is done of the features, here or by workers."""

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
        """As `open`, with `_Tower`s that are there already."""
        self._towers = towers
        self._clips = _Clips(self._source, towers, self._settings)

    def each(self, videos):
        """See `Job`; in the order of the source. A row says why a video cannot
        be read, if it cannot."""
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
    """Features of all versions of a video, called `STREAM.VERSION`, or its
    first error."""
    features = {}
    error = None
    for version, (_, clip) in enumerate(versions):
        if isinstance(clip, Exception):
            error = error or clip
        if error is None:
            for stream, tower in towers.items():
                features[f"{stream}.{version}"] = tower(clip[stream])
    return error or features


def _by_stream(features, streams):
    """From what `_see` gives to the versions of each stream, in order."""
    return {
        stream: [
            features[f"{stream}.{version}"]
            for version in range(len(features) // len(streams))
        ]
        for stream in streams
    }


class _Tower:
    """A network up to its features, `num_features` of them; `fingerprint` says
    which network it is, and `origin` what it was made from."""

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
        # A network built for a fixed number of segments takes just these.
        fixed, devices = tower.input.shape[1], self._model.num_devices
        group = fixed or equal_groups(num_frames, SNIPPETS_A_CALL, devices)
        num_groups = math.ceil(num_frames / group)
        self._places = np.arange(num_groups * group) % num_frames
        self._places = self._places.reshape(num_groups, group)
        # Equal calls: one shape for the devices.
        most = max(SNIPPETS_A_CALL // group, 1)
        self._groups_a_call = equal_groups(num_groups, most, devices)

    def __call__(self, clip):
        """float32 features `(frames, features)` of `(frames, height, width,
        channels)`."""
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
    """The clips that networks see of the videos of a source."""

    def __init__(self, source, towers, settings):
        modalities = [tower.spec.modalities[0] for tower in towers.values()]
        self._source = _SameFrames(
            source,
            modalities,
            settings.max_frames,
            # This grid gives positions in flow, of which there is one less than
            # of frames.
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
        """`Health` of a video, and the share of it that is lost."""
        (spec, *_) = self._specs.values()
        source = self._source.seen_as(spec.frame).source
        return source.health(index), source.lost_share(index)

    def read(self, task):
        """`(index, clips by stream, or why there are none)` of a pair of
        video and draw."""
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
            # The same for each stream.
            rng = draw_of(self._seed, self._source.videos[index], draw)
            clip = reader.read_training_clip(
                self._source, index, spec, _VERSIONS, rng
            )
        (images,) = clip.values()
        return images


class _SameFrames:
    """A source of the first frames, all of whose modalities have the same
    number of images, as many as the shortest; or, if they are not `alike`,
    one of flow less than of frames."""

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
    """Says before the work that nothing will see videos of it."""
    for field in ("frame", "size"):
        seen = {s: getattr(tower.spec, field) for s, tower in towers.items()}
        if len({*seen.values()}) > 1:
            shown = ", ".join(f"{s}: {value}" for s, value in seen.items())
            logger.warning(
                "The networks see videos with another %s each (%s). What is "
                "trained on their features cannot be joined with them to one "
                "network that sees videos (`vidrec join`).",
                field,
                shown,
            )


def _check_source(source, towers):
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
