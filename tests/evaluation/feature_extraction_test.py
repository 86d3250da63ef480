import json
import os
import pathlib

import numpy as np
import pytest

from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.failures import TooManyFailures
from keras_vidrec.data.opening import Opened
from keras_vidrec.data.sources.features import Features
from keras_vidrec.evaluation import feature_extraction
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from tests.data.memory_source import MemorySource
from tests.data.prepared_records import records_of
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.ordered_network import CHUNKS
from tests.evaluation.ordered_network import ordered_network

CLASSES = ("even", "odd")
FLOW = ClipSpec(modalities=("flow",), snippet_length=2, size=32)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def networks(streams=("rgb", "flow"), num_segments=None):
    specs = {"rgb": ClipSpec(size=32), "flow": FLOW}
    return {
        stream: mean_color_network(
            CLASSES, clip_spec=specs[stream], num_segments=num_segments
        )
        for stream in streams
    }


def opened(source=None, train=(0, 1, 2)):
    source = source or MemorySource(num_videos=4, num_frames=100)
    others = [i for i in range(len(source.videos)) if i not in train]
    catalog = catalogs.Catalog(
        root=pathlib.Path("videos"),
        videos=source.videos,
        labels=source.labels,
        groups=source.groups,
        classes=source.classes,
        splits={1: Split(tuple(train), tuple(others))},
    )
    return Opened("videos", source, catalog)


def extract(directory, dataset=None, nets=None, **arguments):
    return feature_extraction.extract(
        nets or networks(),
        dataset or opened(),
        directory,
        verbose=False,
        **arguments,
    )


def times(source, index, stream="rgb", draw=0):
    """The frames that were seen, of the first image of a flow stack."""
    frames = range(source.num_frames(index, stream))
    features = source.read(index, stream, frames, draw)
    return np.rint(255 * features[:, 1 if stream == "rgb" else 0]).tolist()


@pytest.mark.parametrize("num_segments", [None, 3])
def test_features_are_those_of_the_frames_of_the_grid(tmp_path, num_segments):
    made = extract(tmp_path, nets=networks(num_segments=num_segments))
    assert made == (4, 100, 4, {}, None)
    source = Features(tmp_path)
    assert source.num_features == {"rgb": 3, "flow": 4}
    assert source.catalog.splits == {1: Split((0, 1, 2), (3,))}
    # N = 99 flow images: the same interval as of 100.
    grid = np.arange(4, 77, 3)
    for i in range(4):
        rgb = source.read(i, "rgb", range(25))
        np.testing.assert_allclose(rgb[:, 0], i / 255, rtol=1e-3)
        np.testing.assert_allclose(rgb[:, 1], grid / 255, rtol=1e-3)
        np.testing.assert_allclose(rgb[:, 2], 19.5 / 255, rtol=1e-2)
        # Two flow images, -L/2 + 1 .. L/2 around the frame, x y x y.
        flow = source.read(i, "flow", range(25))
        np.testing.assert_allclose(flow[:, 0], grid / 255, rtol=1e-3)
        np.testing.assert_allclose(flow[:, 2], (grid + 1) / 255, rtol=1e-3)
    assert source.settings["grid"] == "feature_grid"
    assert source.settings["crops"] == {"rgb": 32, "flow": 32}
    assert source.flow == FlowSpec()


def test_their_origin_is_a_chain(tmp_path, caplog):
    """Features of networks that know what they were trained on; features of
    videos that have changed are made again."""
    nets = networks(["rgb"])
    trained_on = VideoSet.of(["video1", "video3"])
    predictions = predictions_layer(nets["rgb"])
    predictions.origin = Origin("network", split=1, trained_on=trained_on)
    source = MemorySource(num_videos=4, num_frames=100)
    contents = ["a", "b", "c", "d"]
    source.content = contents.__getitem__
    extract(tmp_path, opened(source), nets)
    found = Features(tmp_path)
    origin = found.origin()
    assert origin.kind == "features" and found.contents == tuple("abcd")
    assert origin.parents["dataset"] == source.origin()
    tower = origin.parents["rgb"]
    assert found.settings["networks"]["rgb"].endswith(tower.fingerprint)
    assert (tower.split, tower.trained_on) == (1, trained_on)
    tested = VideoSet.of(found.videos)
    assert origin.leaks(tested) == {("rgb",): (1, 3)}

    contents[2] = "another"
    assert extract(tmp_path, opened(source), nets).num_new == 1
    (said,) = caplog.messages
    assert said.endswith("same name, prepared again): 1, video2")
    again = Features(tmp_path)
    assert again.content(2) == "another"
    assert again.origin().fingerprint != origin.fingerprint
    # Images that were made in another way are other images.
    source.how_made = lambda: {"flow": "dis"}
    with pytest.raises(ValueError, match="Expected images=None.*'flow': 'dis'"):
        extract(tmp_path, opened(source), nets)


def test_other_grids(tmp_path):
    extract(tmp_path / "a", grid="uniform", num_frames=70)
    # 99 images; more frames than one call of a network takes.
    middles = [99 * (2 * k + 1) // 140 for k in range(70)]
    assert times(Features(tmp_path / "a"), 2) == middles
    extract(tmp_path / "b", max_frames=35)
    # N = 34 flow images: 25 frames one apart.
    assert times(Features(tmp_path / "b"), 2) == list(range(4, 29))
    # The frames of rgb alone are the same.
    extract(tmp_path / "c", nets=networks(["rgb"]), max_frames=35)
    source = Features(tmp_path / "c")
    assert times(source, 2) == list(range(4, 29))
    assert source.modalities == ("rgb",) and source.flow is None


def test_draws_of_training_videos(tmp_path):
    draws = {"grid": "uniform", "num_frames": 10, "draws": 3}
    extract(tmp_path / "a", **draws)
    source = Features(tmp_path / "a")
    assert [source.num_draws(i) for i in range(4)] == [3, 3, 3, 0]
    segments = 99 * np.arange(11) // 10
    seen = set()
    for i in range(3):
        for draw in (1, 2, 3):
            frames = times(source, i, "rgb", draw)
            assert (segments[:-1] <= frames).all()
            assert (frames < segments[1:]).all()
            flow = np.maximum(np.array(frames) - 1, 0)
            # Of mirrored flow the x channel is inverted.
            mirrored = (255 - flow).tolist()
            assert times(source, i, "flow", draw) in (flow.tolist(), mirrored)
            # One crop for all frames of both streams: its middle column.
            rgb = source.read(i, "rgb", range(10), draw)[:, 2]
            flow = source.read(i, "flow", range(10), draw)[:, 1]
            np.testing.assert_allclose(rgb, rgb[0])
            np.testing.assert_allclose(flow, flow[0])
            seen.add((*frames, rgb[0]))
    assert len(seen) == 9
    # Whatever else is in the dataset.
    some = opened(MemorySource(num_videos=2, num_frames=100), (1,))
    extract(tmp_path / "b", some, **draws)
    np.testing.assert_array_equal(
        Features(tmp_path / "b").read(1, "rgb", range(10), 2),
        source.read(1, "rgb", range(10), 2),
    )
    extract(tmp_path / "c", some, seed=1, **draws)
    assert times(Features(tmp_path / "c"), 1, draw=2) != times(
        source, 1, draw=2
    )


class Killed(BaseException):
    pass


def test_an_ended_run_goes_on(tmp_path, monkeypatch):
    arguments = {"num_frames": 5, "draws": 1, "shard_bytes": 500}
    extract(tmp_path / "whole", **arguments)
    see = feature_extraction._see
    left = [2]

    def limited(*videos):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return see(*videos)

    monkeypatch.setattr(feature_extraction, "_see", limited)
    with pytest.raises(Killed):
        extract(tmp_path / "out", **arguments)
    left[0] = 9
    assert extract(tmp_path / "out", **arguments) == (4, 20, 2, {}, None)
    assert records_of(tmp_path / "out") == records_of(tmp_path / "whole")
    assert extract(tmp_path / "out", **arguments).num_new == 0
    other = networks()
    kernel, bias = other["rgb"].get_layer("logits").get_weights()
    other["rgb"].get_layer("logits").set_weights([kernel + 1, bias])
    assert extract(tmp_path / "out", nets=other, **arguments).num_new == 0
    with pytest.raises(ValueError, match="Expected max_frames=None"):
        extract(tmp_path / "out", max_frames=50, **arguments)


def test_broken_videos_are_named(tmp_path):
    dataset = opened(MemorySource(num_videos=4, num_frames=20, broken=[1]))
    made = extract(tmp_path, dataset, draws=2)
    assert made.failed.keys() == {"video1"} and made.num_videos == 3
    source = Features(tmp_path)
    assert source.videos == ("video0", "video2", "video3")
    assert source.num_draws(1) == 2
    report = json.loads((tmp_path / "report.json").read_text())
    assert "it is broken" in report["failed"]["video1"]


def test_too_many_broken_videos(tmp_path):
    """What was done stays, and may go on when the videos are there."""
    source = MemorySource(num_videos=5, num_frames=20, broken=[1, 3])
    with pytest.raises(TooManyFailures, match="2 of 5"):
        extract(tmp_path, opened(source))
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report["failed"]) == {"video1", "video3"}
    again = extract(tmp_path, opened(MemorySource(5, 20)))
    assert again == (5, 125, 3, {}, None)


class Dis(MemorySource):
    flow = FlowSpec("dis")


class NoFlow(MemorySource):
    modalities = ("rgb",)


@pytest.mark.parametrize(
    "nets, source, message",
    [
        (lambda: {"rgb": networks()["flow"]}, MemorySource, "rgb or rgb_diff"),
        (lambda: {"depth": networks()["rgb"]}, MemorySource, "'depth'"),
        (lambda: {"rgb": ordered_network(CLASSES, clip_spec=CHUNKS)},
         MemorySource, "single snippets"),
        (networks, NoFlow, "contains flow"),
        (networks, Dis, "flow by tvl1 .*Received.*dis"),
    ],
)  # fmt: skip
def test_what_does_not_fit(tmp_path, nets, source, message):
    with pytest.raises(ValueError, match=message):
        extract(tmp_path / "out", opened(source(4)), nets())
    assert not (tmp_path / "out").exists()


def test_features_of_features(tmp_path):
    extract(tmp_path / "a")
    source = Features(tmp_path / "a")
    with pytest.raises(ValueError, match="a dataset of features"):
        extract(tmp_path / "b", Opened("features", source, source.catalog))


def test_networks_that_cannot_be_joined_are_told_of(tmp_path, caplog):
    nets = networks()
    extract(tmp_path / "alike", nets=nets, num_frames=2)
    assert not caplog.text
    layer = predictions_layer(nets["flow"])
    layer.clip_spec = layer.clip_spec.replace(frame=FrameSpec("340x256"))
    extract(tmp_path / "others", nets=nets, num_frames=2)
    assert "differ in frame" in caplog.text and "340x256" in caplog.text
