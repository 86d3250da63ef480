"""`vidrec features` as a user runs it, and as the world ends it."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data import opening
from keras_vidrec.data.clips import reader
from keras_vidrec.data.sources.features import Features
from keras_vidrec.specs import FlowSpec
from tests.applications.own_towers import own_towers
from tests.cli.command import vidrec
from tests.cli.command import vidrec_process
from tests.data.prepared_records import records_of

pytestmark = pytest.mark.large


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Files of two networks by stream."""
    directory = tmp_path_factory.mktemp("networks")
    files = {}
    for stream in ("rgb", "flow"):
        channels = 3 if stream == "rgb" else 10
        model = TSN(
            backbone=own_towers(**{stream: channels})[stream],
            classes=12,
            modality=stream,
            input_shape=(3, 32, 32, channels),
        )
        layer = predictions_layer(model)
        layer.clip_spec = layer.clip_spec.replace(flow=FlowSpec("dis"))
        # Untrained, it would hardly tell one clip from another.
        kernel, bias = model.get_layer("logits").get_weights()
        kernel *= 2 / np.abs(kernel).mean()
        model.get_layer("logits").set_weights([kernel, bias])
        files[stream] = directory / f"{stream}.keras"
        model_file.save(model, files[stream])
    return files


def arguments(networks, videos, out):
    return [
        "features",
        f"--rgb={networks['rgb']}",
        f"--flow={networks['flow']}",
        f"--data={videos}",
        f"--out={out}",
        "--frames=5",
        "--grid=uniform",
        "--draws=2",
    ]


@pytest.fixture(scope="module")
def whole(networks, small_videos, tmp_path_factory):
    """What the command makes when nothing comes between."""
    out = tmp_path_factory.mktemp("features") / "whole"
    said, err = vidrec_process(*arguments(networks, small_videos, out))
    assert not err
    assert f"Features: {out} (rgb, flow; 36 videos, 5 frames each)" in said
    return out


def test_features_are_the_inputs_of_the_classifier(
    networks, small_videos, whole
):
    videos = opening.open_dataset(small_videos, flow=FlowSpec("dis"))
    opened = opening.open_dataset(whole)
    source = opened.source
    assert opened.kind == "features"
    assert source.videos == videos.source.videos
    assert source.labels == videos.source.labels
    assert source.catalog.splits == videos.catalog.splits
    assert source.flow == FlowSpec("dis")
    trained_on = videos.catalog.splits[1].train
    for i in range(36):
        assert source.num_draws(i) == (2 if i in trained_on else 0)
    for stream, file in networks.items():
        model = model_file.load(file)
        spec = predictions_layer(model).clip_spec.replace(
            sampling="uniform", alignment="centered", num_segments=5
        )
        kernel, bias = model.get_layer("logits").get_weights()
        for i in (0, 17, 35):
            # 11 flow images: both streams see the middles of their fifths.
            frames = source.read(i, stream, range(5))
            clip = reader.read_test_clip(ElevenImages(videos.source), i, spec)[
                stream
            ]
            expected = model.predict(clip[None, [0, 2, 4]], verbose=0)
            logits = (frames @ kernel + bias)[[0, 2, 4]].mean(axis=0)
            scores = np.exp(logits - logits.max())
            assert expected.max() > 0.2
            np.testing.assert_allclose(
                scores / scores.sum(), expected[0], rtol=0.02, atol=1e-4
            )


class ElevenImages:
    """Videos without their last frame, which has no flow."""

    def __init__(self, source):
        self.videos, self.read = source.videos, source.read
        self._source = source

    def seen_as(self, frame):
        return ElevenImages(self._source.seen_as(frame))

    def num_frames(self, index, modality):
        return 11


def journal_lines(out):
    try:
        return (out / ".prepare" / "journal.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def test_a_killed_run_goes_on(networks, small_videos, whole, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "keras_vidrec"]
    command += arguments(networks, small_videos, out)
    for least in (4, 15):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None and journal_lines(out) < least:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    done = journal_lines(out) - 1
    assert 14 <= done < 36
    assert not (out / "dataset.json").exists()
    said, _ = vidrec_process(*arguments(networks, small_videos, out))
    assert "36 videos" in said
    # No video twice: one line each.
    assert journal_lines(out) == 37
    assert records_of(out).keys() == records_of(whole).keys()
    a, b = Features(out), Features(whole)
    for i in range(36):
        for stream in ("rgb", "flow"):
            for draw in range(1 + a.num_draws(i)):
                np.testing.assert_allclose(
                    a.read(i, stream, range(5), draw),
                    b.read(i, stream, range(5), draw),
                    rtol=2e-3,
                    atol=1e-6,
                )
    said, _ = vidrec_process(*arguments(networks, small_videos, out))
    assert "Nothing was left to do." in said


def test_bad_usage(networks, small_videos, whole, tmp_path):
    data = [f"--data={small_videos}", f"--out={tmp_path / 'out'}"]
    _, err = vidrec("features", *data, status=2)
    assert "--rgb, --flow, or both" in err
    _, err = vidrec("features", f"--rgb={networks['flow']}", *data, status=1)
    assert "only rgb or rgb_diff" in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    other = [*arguments(networks, small_videos, whole), "--max-frames=8"]
    _, err = vidrec(*other, status=1)
    assert "Expected max_frames=None; or choose another directory" in err
