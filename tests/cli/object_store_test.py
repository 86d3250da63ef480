"""Datasets and videos in object stores: on a server of S3's protocol on this
machine, read by fsspec, or by tensorflow-io where that is installed (`make
test-io`)."""

import re
import urllib.parse

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from keras_vidrec.applications.parts import model_file
from keras_vidrec.cli.main import app
from keras_vidrec.cli.prediction.timelines import Timelines
from keras_vidrec.data import inspection
from keras_vidrec.data import opening
from keras_vidrec.data import pipeline
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import ClipSpec
from tests import servers
from tests.cli.command import vidrec_process
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network

SMALL = (
    "--set=clip.size=32",
    "--set=schedule.epochs=2",
    "--set=optimizer.batch_size=8",
)


@pytest.fixture(scope="module")
def store():
    with servers.s3() as url:
        servers.put(f"{url}/bucket")
        yield url


@pytest.fixture(scope="module")
def prepared(small_videos, tmp_path_factory):
    directory = tmp_path_factory.mktemp("prepared")
    catalog = opening.open_dataset(small_videos).catalog
    prepare(catalog, directory, Preparation(flow="none"), workers=1)
    return directory


@pytest.fixture(scope="module")
def bucket(store, prepared):
    """URL of the prepared dataset in the store."""
    return upload(prepared, store, "sets/one")


def upload(directory, store, prefix, without=None):
    for path in directory.rglob("*"):
        part = path.relative_to(directory).as_posix()
        if path.is_file() and part != without:
            part = urllib.parse.quote(part)
            servers.put(f"{store}/bucket/{prefix}/{part}", path.read_bytes())
    return f"s3://bucket/{prefix}"


def test_fit_from_s3_is_fit_from_a_disk(bucket, prepared):
    weights, spec = [], ClipSpec(num_segments=2, size=24)
    for directory in (bucket, prepared):
        keras.utils.set_random_seed(0)
        network = keras.Sequential(
            [
                keras.layers.GlobalAveragePooling3D(),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Dense(12),
            ]
        )
        network.compile(
            keras.optimizers.SGD(0.1),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        _, source, catalog = opening.open_dataset(directory)
        clips = pipeline.make(
            source, spec, catalog.splits[1].train, training=True, batch_size=4
        )
        network.fit(
            clips, steps_per_epoch=6, epochs=2, shuffle=False, verbose=0
        )
        weights.append(network.get_weights())
    for s3, disk in zip(*weights, strict=True):
        np.testing.assert_array_equal(s3, disk)


@pytest.mark.large
def test_training_from_s3_is_training_from_a_disk(bucket, prepared, tmp_path):
    """An exit status of 0 too: orderly exits abort after S3 was read."""
    runs = {}
    for name, data in (("disk", prepared), ("s3", bucket)):
        runs[name] = tmp_path / name
        out, err = vidrec_process(
            "train",
            "quickstart_rgb",
            f"--data={data}",
            f"--out={runs[name]}",
            *SMALL,
        )
        assert f"Trained: {runs[name] / 'model.keras'}" in out and not err
    assert f"directory: {bucket}\n" in (runs["s3"] / "recipe.yaml").read_text()
    disk, s3 = (
        keras.saving.load_model(run / "model.keras").get_weights()
        for run in runs.values()
    )
    for expected, weight in zip(disk, s3, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=1e-7)

    scores = {}
    for name, run in runs.items():
        out, err = vidrec_process("evaluate", run)
        assert "top 1" in out and not err
        scores[name] = Scores.load(score_naming.find(run)[0])
    assert scores["s3"].videos == scores["disk"].videos
    np.testing.assert_allclose(
        scores["s3"].scores, scores["disk"].scores, rtol=1e-4, atol=1e-6
    )


def test_inspection_of_s3(bucket, prepared):
    found = [
        inspection.inspect(opening.open_dataset(d, images_only=True))
        for d in (bucket, prepared)
    ]
    s3, disk = (one.to_dict() for one in found)
    assert s3.pop("directory") == bucket and disk.pop("directory")
    assert s3 == disk and s3["num_videos"] == 36 and s3["is_sound"]


@pytest.fixture(scope="module")
def clip(store, tmp_path_factory):
    clip = numbered_video.write(tmp_path_factory.mktemp("c") / "clip.mp4", 30)
    servers.put(f"{store}/bucket/clip.mp4", clip.read_bytes())
    return clip


@pytest.fixture
def network():
    return mean_color_network(("a", "b", "c"), clip_spec=ClipSpec(size=32))


def test_the_timeline_of_a_video_in_s3(clip, network, tmp_path, capsys):
    timelines = Timelines(
        Predictor(network),
        window=0.5,
        stride=0.5,
        out=tmp_path,
        frame_rate=None,
        top=1,
        json=True,
    )
    printed = []
    for path in (clip, "s3://bucket/clip.mp4"):
        timelines.read(path)
        printed.append(capsys.readouterr().out)
        assert (tmp_path / "clip-timeline.csv").stat()
        (tmp_path / "clip-timeline.csv").unlink()
    assert "s3://bucket/clip.mp4" in printed[1]
    assert printed[1].replace("s3://bucket/clip.mp4", str(clip)) == printed[0]


def test_prediction_of_a_video_in_s3(clip, network, tmp_path):
    model, url = tmp_path / "model.keras", "s3://bucket/clip.mp4"
    model_file.save(network, model)
    names = "s3://bucket/none.mp4", "s3://nowhere/a.mp4", url, clip
    done = CliRunner().invoke(app, ["predict", *map(str, (model, *names))])
    assert done.exit_code == 1
    out, err = done.stdout, done.stderr
    remote, local = re.findall(r"^\S*clip.mp4$((?:\n  .*)+)", out, re.M)
    assert out.startswith(f"{url}\n") and remote == local
    for line, name in zip(err.splitlines(), names[:2], strict=True):
        assert line.startswith("vidrec: ") and "there is no such file" in line
        assert f"'{name}'" in line


def test_a_list_in_s3_of_videos_anywhere(store, small_videos, tmp_path):
    _, source, catalog = opening.open_dataset(small_videos)
    names = [catalog.videos[i] for i in (0, 3, 6)]
    for name in names[1:]:
        content = (small_videos / name).read_bytes()
        servers.put(f"{store}/bucket/sets/{name}", content)
    lines = [
        f"{small_videos.name}/none.avi,a,train",
        f"s3://bucket/sets/{names[1]},b,train",
        f"{names[2]},b,test",
    ]
    text = "\n".join(["path,label,split", *lines])
    servers.put(f"{store}/bucket/sets/list.csv", text.encode())
    listed = "s3://bucket/sets/list.csv"
    remote = opening.open_dataset("s3://bucket/sets", videos_list=listed)
    assert remote.kind == "videos" and remote.catalog.classes == ("a", "b")
    assert remote.source.is_remote
    for here, there in ((3, 1), (6, 2)):
        assert remote.source.num_frames(there, "rgb") == 12
        np.testing.assert_array_equal(
            remote.source.read(there, "rgb", [9, 0]),
            source.read(here, "rgb", [9, 0]),
        )
    with pytest.raises(FileNotFoundError, match="no such file.*none.avi'"):
        remote.source.num_frames(0, "rgb")
    # The same list, and videos, from here.
    lines[0] = f"{names[0]},a,train"
    lines[2] = f"s3://bucket/sets/{names[2]},b,test"
    (tmp_path / "list.csv").write_text("\n".join(["path,label,split", *lines]))
    mixed = opening.open_dataset(
        small_videos, videos_list=tmp_path / "list.csv"
    )
    found = inspection.inspect(mixed)
    assert found.is_sound and found.images["rgb"] == (12, 12, 12)
    prepare(
        mixed.catalog, tmp_path / "out", Preparation(flow="none"), workers=1
    )
    made = opening.open_dataset(tmp_path / "out")
    assert made.source.videos == mixed.source.videos
    assert made.source.num_frames(1, "rgb") == 12


def test_what_is_missing_is_one_clear_error(bucket, store, prepared):
    for url in ("s3://nowhere/sets/one", "s3://bucket/nothing"):
        with pytest.raises(ValueError, match="prepared dataset") as failure:
            opening.open_dataset(url)
        assert f"'{url}'" in str(failure.value)
    index = "rgb/rgb-00000.index.npz"
    damaged = upload(prepared, store, "sets/two", without=index)
    with pytest.raises(ValueError, match="is missing") as failure:
        opening.open_dataset(damaged)
    assert f"{damaged}/{index}" in str(failure.value)
