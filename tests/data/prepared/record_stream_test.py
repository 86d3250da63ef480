import dataclasses

import cv2
import numpy as np
import pytest

from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.prepared import prepared_dataset
from keras_vidrec.data.prepared import record_stream
from keras_vidrec.data.prepared.record_shard import ShardWriter
from keras_vidrec.data.preparing.prepared_video import Preparation
from keras_vidrec.data.preparing.prepared_video import prepare_video
from keras_vidrec.data.sources.records import Records
from keras_vidrec.videos import video
from tests.data.remote_copy import remote_copy


@pytest.fixture(scope="module")
def prepared(small_videos, tmp_path_factory):
    """Two videos, written by hand from one to the other end."""
    directory = tmp_path_factory.mktemp("prepared")
    scratch = tmp_path_factory.mktemp("scratch")
    names = [
        path.relative_to(small_videos).as_posix()
        for path in sorted(small_videos.glob("*/*.avi"))[:2]
    ]
    catalog = Catalog(
        small_videos, tuple(names), (0, 1), ("a", "b"), ("x", "y"), {}
    )
    preparation = Preparation(flow="dis", size="48x36", quality=100)
    writers = {
        modality: ShardWriter(directory, modality, 1)
        for modality in preparation.modalities
    }
    for name, label in zip(catalog.videos, catalog.labels):
        done = prepare_video(small_videos / name, preparation, scratch)
        for modality, writer in writers.items():
            images = done.images[modality]
            writer.append(name, label, done.height, done.width, images)
            writer.seal_if_long()
    for writer in writers.values():
        writer.seal()
    settings = dataclasses.asdict(preparation)
    prepared_dataset.write(
        directory, catalog, preparation.modalities, settings, {}
    )
    return directory


@pytest.mark.parametrize("modality", ["rgb", "flow"])
def test_streamed_is_what_is_read_by_offset(prepared, modality):
    source = Records(prepared)
    seen = []
    for row in record_stream.stream(prepared, modality):
        index = source.videos.index(row["video"].numpy().decode())
        seen.append(index)
        assert row["label"] == source.labels[index]
        pixels = record_stream.decode(row["images"], modality).numpy()
        count = source.num_frames(index, modality)
        assert pixels.shape[1:3] == (row["height"], row["width"]) == (36, 48)
        read = source.read(index, modality, range(count))
        np.testing.assert_array_equal(pixels, read)
    assert seen == [0, 1]


def test_streamed_is_the_jpeg_of_the_frames(prepared, small_videos):
    for row in record_stream.stream(prepared, "rgb", num_parallel_reads=2):
        path = small_videos / row["video"].numpy().decode()
        jpegs = row["images"].numpy()
        frames = list(video.iter_frames(path))
        assert len(jpegs) == len(frames) == 12
        for jpeg, frame in zip(jpegs, frames):
            small = cv2.resize(frame, (48, 36), interpolation=cv2.INTER_LINEAR)
            _, wanted = cv2.imencode(
                ".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100]
            )
            assert jpeg == wanted.tobytes()


def test_a_remote_stream_is_the_local_one(prepared):
    streams = [
        record_stream.stream(directory, "flow")
        for directory in (prepared, remote_copy(prepared))
    ]
    rows = [list(stream.as_numpy_iterator()) for stream in streams]
    assert len(rows[0]) == 2
    for local, remote in zip(*rows, strict=True):
        assert local["video"] == remote["video"]
        np.testing.assert_array_equal(local["images"], remote["images"])


def test_no_records(prepared, tmp_path):
    with pytest.raises(ValueError, match="Expected records of warped_flow"):
        record_stream.stream(prepared, "warped_flow")
    with pytest.raises(ValueError, match="modality='rgb_diff'"):
        record_stream.stream(prepared, "rgb_diff")
