"""Segments of videos, prepared."""

import dataclasses
import os

import numpy as np
import pytest

from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.prepared import dataset
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.sources.records import Records
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos import examination
from keras_vidrec.videos import video
from keras_vidrec.videos.health_cache import HealthCache
from tests.data import numbered_video
from tests.data.prepared_records import records_of


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A catalog of segments of one file of 2 seconds, whose frames tell their
    number, one of which lies behind its end, and the whole of another file."""
    root = tmp_path_factory.mktemp("long")
    numbered_video.write(root / "long.avi", 50, "MJPG")
    numbered_video.write(root / "short.avi", 12, "MJPG")
    (root / "list.csv").write_text(
        "path,label,start,end\n"
        "long.avi,walk,0,0.6\nlong.avi,run,0.4,1.2\nlong.avi,walk,1.6,\n"
        "long.avi,run,8,9\nshort.avi,run,,\n"
    )
    return catalogs.from_list(root / "list.csv", root)


@pytest.mark.parametrize(
    "fps, counts", [(None, (15, 20, 10, 12)), (5, (3, 4, 2, 2))]
)
def test_a_file_is_read_once_for_all_its_segments(
    long, tmp_path, in_process, monkeypatch, fps, counts
):
    read = []
    iter_frames = video.iter_frames

    def spy(path, *how):
        read.append(os.path.basename(path))
        return iter_frames(path, *how)

    monkeypatch.setattr(video, "iter_frames", spy)
    size = "64x24"
    how = Preparation(flow="dis", size=size, fps=fps)
    prepared = prepare(long, tmp_path, how, shard_bytes=10**9)
    assert sorted(read) == ["long.avi", "short.avi"]
    assert prepared.num_videos == 4 and prepared.num_frames == sum(counts)
    ((name, reason),) = prepared.failed.items()
    assert name == "long.avi#8-9" and "there is no frame in its seg" in reason
    records = Records(tmp_path)
    frame = FrameSpec(size, fps=fps)
    assert records.stored_as == frame
    # Their list is that of the videos.
    described = dataset.load(tmp_path).catalog
    segment_of = dict(zip(long.videos, zip(long.files, long.segments)))
    for place in zip(
        described.videos, described.files, described.segments, strict=True
    ):
        assert place[1:] == segment_of[place[0]]
    videos = VideoFiles(long, FlowSpec("dis")).seen_as(frame)
    for i, count in enumerate(counts):
        j = long.videos.index(records.videos[i])
        for modality in ("rgb", "flow"):
            number = count - (modality == "flow")
            assert records.num_frames(i, modality) == number
            assert videos.num_frames(j, modality) == number
            found = records.read(i, modality, range(number)).astype(int)
            wanted = videos.read(j, modality, range(number))
            np.testing.assert_allclose(found, wanted, atol=40)  # JPEG
            assert np.abs(found - wanted).mean() < 3
        assert records.health(i) == videos.health(j)
    numbers = [
        numbered_video.number(image) for image in records.read(1, "rgb", [0, 3])
    ]
    step = 1 if fps is None else 5
    assert numbers == [10, 10 + 3 * step]
    # What was seen of the files is kept beside them.
    monkeypatch.setattr(examination, "examine", None)
    assert HealthCache(long.root)["short.avi"].num_frames == 12
    # Another rate is refused by name.
    with pytest.raises(ValueError, match="fps=3.0.*clip.frame.fps=(null|5)"):
        records.seen_as(FrameSpec(size, fps=3))


def test_clips_that_are_done_are_not_read_again(long, tmp_path, in_process):
    frames = Preparation(flow="none", size="64x24")
    some = dataclasses.replace(
        long,
        **{
            name: getattr(long, name)[:2]
            for name in ("videos", "labels", "groups", "files", "segments")
        },
        splits={},
    )
    assert prepare(some, tmp_path, frames)[:3] == (2, 35, 2)
    assert prepare(long, tmp_path, frames)[:3] == (4, 57, 2)
    at_once = tmp_path / "at once"
    prepare(long, at_once, frames)
    assert records_of(tmp_path) == records_of(at_once)
