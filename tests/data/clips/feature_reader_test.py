"""Features through the input pipeline."""

import dataclasses
import pathlib

import numpy as np
import pytest

from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.clips.feature_reader import read_test_features
from keras_vidrec.data.clips.feature_reader import read_training_features
from keras_vidrec.data.failures import Failures
from keras_vidrec.data.prepared import records
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.features import FeatureSettings
from keras_vidrec.data.preparing.feature_writer import FeatureWriter
from keras_vidrec.data.sources.features import Features
from keras_vidrec.specs import ClipSpec

SETTINGS = FeatureSettings(
    features={"rgb": 3, "flow": 4},
    networks={"rgb": "tsn 1", "flow": "tsn 2"},
    crops={"rgb": 224, "flow": 224},
    num_frames=10,
)
WHOLE = ClipSpec(
    modalities=("rgb", "flow"), num_segments=10, snippet_length=10,
    alignment="centered_late", sampling="feature_grid", ordered=True,
)  # fmt: skip
PARTS = WHOLE.replace(num_segments=5, sampling="uniform")


def make_features(directory, num_videos=8, **changes):
    """Feature 0 of video i is i, feature 1 the frame, feature 2 the draw."""
    videos = tuple(f"video{i}" for i in range(num_videos))
    catalog = catalogs.Catalog(
        root=pathlib.Path("videos"),
        videos=videos,
        labels=tuple(i % 2 for i in range(num_videos)),
        groups=videos,
        classes=("even", "odd"),
        splits={},
    )
    settings = dataclasses.replace(SETTINGS, **changes)
    with FeatureWriter(catalog, directory, settings, 400) as writer:
        for i, video in enumerate(videos):
            versions = {}
            for stream, d in settings.features.items():
                found = np.zeros((1 + settings.draws, 10, d))
                found[..., 0] = i
                found[..., 1] = np.arange(10)
                found[..., 2] = np.arange(1 + settings.draws)[:, None]
                versions[stream] = found
            writer.add(video, versions)
        writer.finish()
    return Features(directory)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_features(tmp_path_factory.mktemp("features"))


def training(source, spec, **arguments):
    return pipeline.make(
        source, spec, range(8), training=True, batch_size=3, **arguments
    )


def test_training_shows_all_frames_of_every_video(source):
    dataset = training(source, WHOLE)
    inputs, labels = dataset.element_spec
    assert inputs["rgb"].shape.as_list() == [3, 10, 3]
    assert inputs["flow"].shape.as_list() == [3, 10, 4]
    assert inputs["rgb"].dtype == "float32"
    shown = []
    for inputs, labels in dataset.take(3).as_numpy_iterator():
        for stream in ("rgb", "flow"):
            assert (inputs[stream][:, :, 1] == np.arange(10)).all()
            videos = inputs[stream][:, 0, 0].astype(int)
            assert (videos % 2 == labels).all()
        shown += videos.tolist()
    assert sorted(shown[:8]) == list(range(8))
    assert shown[8:] == shown[:1]


def test_every_draw_is_a_function_of_seed_epoch_and_position(tmp_path):
    source = make_features(tmp_path, draws=3)

    def take(**arguments):
        dataset = training(source, PARTS, **arguments)
        taken = dataset.take(6).as_numpy_iterator()
        return np.array([inputs["flow"] for inputs, _ in taken])

    first = take()
    np.testing.assert_array_equal(first, take())
    np.testing.assert_array_equal(first[3:], take(initial_epoch=1)[:3])
    assert (first != take(seed=1)).any()
    # A stored frame of each segment of two, and a draw for the whole clip.
    frames = first[..., 1] - 2 * np.arange(5)
    assert set(np.unique(frames)) == {0, 1}
    draws = first[..., 2]
    assert set(np.unique(draws)) == {1, 2, 3}
    assert (draws == draws[..., :1]).all()


def test_streams_show_the_same_frames(source):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        read = read_training_features(source, 3, PARTS, rng)
        np.testing.assert_array_equal(read["rgb"][:, :2], read["flow"][:, :2])


def test_testing(source):
    dataset = pipeline.make(
        source, WHOLE, [5, 2, 7], training=False, batch_size=2, mode="test"
    )
    (first, _, _), (last, label, weight) = dataset.as_numpy_iterator()
    assert first["rgb"][:, 0, 0].tolist() == [5, 2]
    assert last["rgb"][:, 0, 0].tolist() == [7]
    assert label == 1 and weight == 1
    assert (first["flow"][..., 1] == np.arange(10)).all()


def test_workers_share_batches(source):
    """Each reads its rows at once; what fills the last batch is zero."""
    arguments = {"training": False, "batch_size": 4, "pad_tail": True}
    dataset = pipeline.make(
        source, WHOLE, [5, 2, 7, 1, 3], shard=(1, 2), **arguments
    )
    assert dataset.element_spec[0]["flow"].shape.as_list() == [2, 10, 4]
    (first, _, weights), (last, _, none) = dataset.as_numpy_iterator()
    assert first["rgb"][:, 0, 0].tolist() == [7, 1]
    np.testing.assert_allclose(weights, 8 / 5)
    assert not none.any() and not last["flow"].any()


def test_one_stream_comes_alone(source):
    spec = PARTS.replace(modalities=("rgb",), snippet_length=1)
    dataset = pipeline.make(source, spec, [5], training=False, batch_size=1)
    ((features, _, _),) = dataset.as_numpy_iterator()
    assert features.shape == (1, 5, 3)
    assert features[0, :, 1].tolist() == [1, 3, 5, 7, 9]


def test_sequences_of_a_test(source):
    """The j-th sequence has the j-th frame of each segment."""
    dataset = pipeline.make(
        source,
        PARTS,
        [4],
        training=False,
        batch_size=1,
        num_clips=2,
        mode="test",
    )
    ((inputs, _, _),) = dataset.as_numpy_iterator()
    frames = inputs["flow"][0, :, 1].reshape(2, 5)
    assert frames.tolist() == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    alone = read_test_features(source, 4, PARTS, num_segments=2, num_clips=5)
    frames = alone["rgb"][:, 1].reshape(5, 2)
    assert frames.tolist() == [[i, i + 5] for i in range(5)]


def test_broken_features(tmp_path, caplog):
    source = make_features(tmp_path, num_videos=8)
    (first, *_) = shards.find_shards(tmp_path, "flow")
    broken = [
        source.videos.index(record.video) for record in records.scan(first)
    ]
    first.unlink()
    assert 0 < len(broken) < 5
    failures = Failures(1000)
    dataset = training(source, WHOLE, failures=failures)
    for inputs, _ in dataset.take(6).as_numpy_iterator():
        assert not np.isin(inputs["flow"][:, 0, 0], broken).any()
    assert set(failures.errors) == {f"video{i}" for i in broken}
    dataset = pipeline.make(
        source,
        WHOLE,
        broken[:1],
        training=False,
        batch_size=1,
        failures=failures,
    )
    ((inputs, _, weight),) = dataset.as_numpy_iterator()
    assert weight == 0 and inputs["flow"].shape == (1, 10, 4)
    assert not inputs["rgb"].any()


@pytest.mark.parametrize(
    "spec, arguments, message",
    [
        (WHOLE.replace(num_segments=9), {}, "num_segments=10.*num_segments=9"),
        (WHOLE, {"num_segments": 25}, "Received: num_segments=25"),
        (WHOLE.replace(sampling="tsn_caffe"), {}, "sampling='tsn_caffe'"),
        (WHOLE, {"crops": "ten"}, "crops='ten'"),
        (WHOLE, {"num_clips": 2, "mode": "test"}, "num_clips=2"),
        (PARTS, {"num_clips": 2}, "num_clips=2.*mode='validation'"),
        (WHOLE.replace(modalities=("rgb", "rgb_diff")), {},
         "modality='rgb_diff'"),
    ],
)  # fmt: skip
def test_what_features_cannot_give(source, spec, arguments, message):
    with pytest.raises(ValueError, match=message):
        pipeline.make(
            source, spec, range(8), training=False, batch_size=2, **arguments
        )


def test_what_features_cannot_be_trained_on(source):
    with pytest.raises(ValueError, match="Received: num_segments=7"):
        training(source, WHOLE.replace(num_segments=7))
