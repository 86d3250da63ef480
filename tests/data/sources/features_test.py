import dataclasses
import json
import os
import pathlib
import threading

import numpy as np
import pytest
import tensorflow as tf

from keras_vidrec.data import opening
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import records
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.features import FeatureSettings
from keras_vidrec.data.prepared.features import FeatureVersions
from keras_vidrec.data.preparing.feature_writer import FeatureWriter
from keras_vidrec.data.sources.features import Features
from keras_vidrec.data.sources.source import Source
from keras_vidrec.specs import FlowSpec
from keras_vidrec.videos.video import VideoError
from tests.data.prepared_records import records_of
from tests.data.prepared_records import remote_copy

VIDEOS = tuple(f"{c}/v{i}.avi" for c in "xy" for i in range(3))
SETTINGS = FeatureSettings(
    features={"rgb": 3, "flow": 5},
    networks={"rgb": "tsn 1", "flow": "tsn 2"},
    crops={"rgb": 224, "flow": 224},
    num_frames=4,
    flow={"method": "dis", "bound": 20.0},
)
CATALOG = catalogs.Catalog(
    root=pathlib.Path("videos"),
    videos=VIDEOS,
    labels=(0, 0, 0, 1, 1, 1),
    groups=VIDEOS,
    classes=("x", "y"),
    splits={1: Split((0, 1, 3, 4), (2, 5))},
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def features_of(video, draws=0):
    """Any features, no two the same."""
    rng = np.random.default_rng(VIDEOS.index(video))
    return {
        stream: rng.gamma(0.5, 2, (1 + draws, 4, d)).astype("float32")
        for stream, d in SETTINGS.features.items()
    }


def write(directory, videos=VIDEOS, settings=SETTINGS, catalog=CATALOG):
    with FeatureWriter(catalog, directory, settings, 200) as writer:
        for video in writer.todo:
            if video in videos:
                writer.add(video, features_of(video, settings.draws))
        return writer.finish()


def test_remote_features_are_the_local_ones(tmp_path):
    write(tmp_path)
    opened = opening.open_dataset(remote_copy(tmp_path))
    local = Features(tmp_path)
    assert opened.kind == "features" and isinstance(opened.source, Features)
    for i in range(len(VIDEOS)):
        for stream in SETTINGS.features:
            np.testing.assert_array_equal(
                opened.source.read(i, stream, [3, 0, 1]),
                local.read(i, stream, [3, 0, 1]),
            )


def test_what_was_written_is_read(tmp_path):
    assert write(tmp_path)[:4] == (6, 24, 6, {})
    opened = opening.open_dataset(tmp_path)
    source = opened.source
    assert opened.kind == "features" and isinstance(source, Features)
    assert isinstance(source, Source)
    assert source.videos == VIDEOS and source.labels == CATALOG.labels
    assert source.modalities == ("rgb", "flow")
    assert source.num_features == {"rgb": 3, "flow": 5}
    assert source.flow == FlowSpec("dis")
    assert opened.catalog.splits == CATALOG.splits
    assert len(shards.find_shards(tmp_path, "rgb")) > 1
    for i, video in enumerate(VIDEOS):
        for stream, (exact,) in features_of(video).items():
            assert source.num_frames(i, stream) == 4
            read = source.read(i, stream, [3, 0, 3, 2])
            assert read.dtype == np.float32
            stored = exact.astype("float16")[[3, 0, 3, 2]]
            np.testing.assert_array_equal(read, stored)
            np.testing.assert_allclose(read, exact[[3, 0, 3, 2]], 2**-11, 3e-8)
            assert source.read(i, stream, []).shape == (0, read.shape[1])
        one = source.read(i, "rgb", [1])
        np.testing.assert_array_equal(one, source.read(i, "rgb", range(4))[1:2])


def test_draws_are_versions_of_the_same_frames(tmp_path):
    write(tmp_path, settings=dataclasses.replace(SETTINGS, draws=2))
    source = Features(tmp_path)
    for i, video in enumerate(VIDEOS):
        assert source.num_draws(i) == 2
        for stream, versions in features_of(video, 2).items():
            for draw, version in enumerate(versions):
                np.testing.assert_array_equal(
                    source.read(i, stream, range(4), draw),
                    version.astype("float16"),
                )
    with pytest.raises(
        VideoError, match="Expected draw from 0 to 2. Received: draw=3"
    ):
        source.read(0, "rgb", [0], draw=3)


def test_records_are_plain_examples(tmp_path):
    write(tmp_path)
    (first, *_) = shards.find_shards(tmp_path, "flow")
    (content,) = tf.data.TFRecordDataset(str(first)).take(1)
    features = tf.train.Example.FromString(content.numpy()).features.feature
    assert features["video"].bytes_list.value[0].decode() == VIDEOS[0]
    (stored,) = features["images"].bytes_list.value
    shape = [features[k].int64_list.value[0] for k in ("height", "width")]
    assert shape == [4, 5]
    np.testing.assert_array_equal(
        np.frombuffer(stored, "<f2").reshape(shape),
        features_of(VIDEOS[0])["flow"][0].astype("float16"),
    )


@pytest.mark.parametrize("writes", [1, 2, 5, 8, 12])
def test_killed_in_the_midst_of_a_record(tmp_path, monkeypatch, writes):
    write(tmp_path / "whole")
    write_record = records.write_record
    left = [writes]

    class Killed(BaseException):
        pass

    def limited(file, *record):
        left[0] -= 1
        length = write_record(file, *record)
        if not left[0]:
            file.flush()
            os.truncate(file.name, os.path.getsize(file.name) - 20)
            raise Killed
        return length

    monkeypatch.setattr(records, "write_record", limited)
    with pytest.raises(Killed):
        write(tmp_path / "out")
    with pytest.raises(ValueError, match="Finish it with the same command"):
        opening.open_dataset(tmp_path / "out")
    monkeypatch.setattr(records, "write_record", write_record)
    again = write(tmp_path / "out")
    assert again[:4] == (6, 24, 6 - (writes - 1) // 2, {})
    found = records_of(tmp_path / "out")
    assert len(found) == 12 and found == records_of(tmp_path / "whole")
    assert write(tmp_path / "out").num_new == 0


def test_other_settings_are_refused(tmp_path):
    write(tmp_path)
    other = dataclasses.replace(SETTINGS, grid="uniform")
    message = "Expected grid=feature_grid, .*Received: grid=uniform"
    with pytest.raises(ValueError, match=message):
        write(tmp_path, settings=other)
    with FeatureWriter(CATALOG, tmp_path, SETTINGS):
        with pytest.raises(ValueError, match="is in use"):
            write(tmp_path)


def test_videos_without_features_are_named(tmp_path):
    with FeatureWriter(CATALOG, tmp_path, SETTINGS) as writer:
        for video in VIDEOS[:4]:
            writer.add(video, features_of(video))
        writer.add_failed(VIDEOS[4], "it is broken")
        writer.report()
        assert not (tmp_path / "dataset.json").exists()
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["failed"] == {VIDEOS[4]: "it is broken"}
        writer.add_failed(VIDEOS[5], "it too")
        assert writer.finish().failed == {
            VIDEOS[4]: "it is broken",
            VIDEOS[5]: "it too",
        }
    source = Features(tmp_path)
    assert source.videos == VIDEOS[:4]
    assert source.catalog.splits == {1: Split((0, 1, 3), (2,))}
    assert write(tmp_path).num_new == 2
    assert Features(tmp_path).videos == VIDEOS


def test_what_cannot_be_stored(tmp_path):
    with FeatureWriter(CATALOG, tmp_path, SETTINGS) as writer:
        wrong = features_of(VIDEOS[0])
        wrong["flow"] = wrong["flow"][:, :3]
        with pytest.raises(ValueError, match=r"\(4, 5\).*shape \(3, 5\)"):
            writer.add(VIDEOS[0], wrong)
        wrong["flow"] = np.full((1, 4, 5), 7e4)
        with pytest.raises(ValueError, match="at most 65504.*70000"):
            writer.add(VIDEOS[0], wrong)
    with pytest.raises(ValueError, match="Received: nan"):
        FeatureVersions([np.full((1, 1), np.nan)])
    with pytest.raises(ValueError, match="grid='tsn_caffe'"):
        dataclasses.replace(SETTINGS, grid="tsn_caffe")


def test_what_cannot_be_read(tmp_path):
    write(tmp_path)
    source = Features(tmp_path)
    for indices in ([4], [-1]):
        with pytest.raises(VideoError, match="has 4 frames with features"):
            source.read(0, "rgb", indices)
    with pytest.raises(ValueError, match="modality='rgb_diff'"):
        source.num_frames(0, "rgb_diff")
    (first, *_) = shards.find_shards(tmp_path, "rgb")
    os.truncate(first, 60)
    with pytest.raises(VideoError, match="v0.avi.*shorter than its index"):
        source.read(0, "rgb", [3])
    shards.index_path(first).unlink()
    with pytest.raises(ValueError, match="is missing.*index.npz"):
        Features(tmp_path)


def test_images_are_no_features(tmp_path):
    prepared_dataset.write(tmp_path, CATALOG, ("rgb",), {"size": "auto"}, {})
    with pytest.raises(ValueError, match="made by `vidrec features`.*'rgb'"):
        Features(tmp_path)


def test_many_threads_read_at_once(tmp_path):
    write(tmp_path)
    source = Features(tmp_path)
    wrong = []

    def work():
        for i in np.random.default_rng(0).integers(6, size=200):
            expected = features_of(VIDEOS[i])["flow"][0].astype("float16")
            if (source.read(i, "flow", range(4)) != expected).any():
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
