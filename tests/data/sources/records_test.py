import json
import pickle
import shutil

import fsspec
import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data import pipeline
from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import carve_validation
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.shards import ShardWriter
from keras_vidrec.data.preparing.spool import ImageSpool
from keras_vidrec.data.preparing.video import encode_jpeg
from keras_vidrec.data.sources.records import Records
from keras_vidrec.data.sources.source import Source
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos.video import VideoError
from tests.data.prepared_records import edit
from tests.data.prepared_records import remote_copy

VIDEOS = ("x/a 1.avi", "x/b.avi", "y/c.avi", "y/d.avi", "x/broken.avi")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Video i, image t: rgb is all (40 i, 10 t, 200), flow all
    (40 i, 10 t)."""
    directory = tmp_path_factory.mktemp("prepared")
    for modality, count in (("rgb", 9), ("flow", 8)):
        writer = ShardWriter(directory, modality, 9000)
        # As they become ready, not as they stand in the catalog.
        for i in (2, 0, 3, 1):
            spool = ImageSpool(directory / "spool")
            for t in range(count):
                colors = (40 * i, 10 * t)
                if modality == "rgb":
                    colors = (200, 10 * t, 40 * i)
                image = np.full((30 + i, 50, len(colors)), colors, np.uint8)
                planes = (
                    [image] if modality == "rgb" else np.moveaxis(image, -1, 0)
                )
                spool.add(t, *(encode_jpeg(plane, 100) for plane in planes))
            images = spool.finish(len(planes))
            writer.append(VIDEOS[i], i // 2, 30 + i, 50, images)
            writer.seal_if_long()
        writer.seal()
    catalog = catalogs.Catalog(
        directory,
        VIDEOS,
        (0, 0, 1, 1, 0),
        ("g1", "g2", "g1", "g2", "g3"),
        ("x", "y"),
        {1: Split((0, 1, 2, 4), (3,)), 2: Split((3,), (0, 1, 2, 4))},
        ("Odd.",),
    )
    prepared_dataset.write(
        directory,
        catalog,
        ("rgb", "flow"),
        {"flow": "dis", "bound": 10.0, "frame": {"size": "short30"}},
        {VIDEOS[4]: "it is broken"},
    )
    return directory


def test_it_is_a_source(directory):
    source = Records(directory)
    assert isinstance(source, Source)
    assert source.videos == VIDEOS[:4] and source.labels == (0, 0, 1, 1)
    assert source.groups == ("g1", "g2", "g1", "g2")
    assert source.classes == ("x", "y")
    assert source.modalities == ("rgb", "flow", "rgb_diff")
    assert source.flow == FlowSpec("dis", 10.0)
    assert source.stored_as == FrameSpec("short30")
    assert source.catalog.splits == {
        1: Split((0, 1, 2), (3,)),
        2: Split((3,), (0, 1, 2)),
    }
    assert source.catalog.problems[0] == "Odd."
    assert "report.json" in source.catalog.problems[1]
    train, validation = carve_validation(source.catalog, 1, 0.5, 0)
    assert sorted(train + validation) == [0, 1, 2] and validation


@pytest.mark.parametrize("modality", ["rgb", "rgb_diff", "flow"])
def test_every_image_is_found(directory, modality):
    # A process that reads gets it pickled.
    source = pickle.loads(pickle.dumps(Records(directory)))
    assert len(shards.find_shards(directory, "rgb")) > 1
    for i in range(4):
        count = source.num_frames(i, modality)
        assert count == (8 if modality == "flow" else 9)
        indices = [count - 1, 0, 3, 3, 4]
        images = source.read(i, modality, indices)
        colors = [
            (40 * i, 10 * t, 200)[: 2 if modality == "flow" else 3]
            for t in indices
        ]
        wanted = np.array(colors)[:, None, None]
        assert images.shape == (5, 30 + i, 50, wanted.shape[-1])
        assert images.dtype == np.uint8
        assert np.abs(images.astype(int) - wanted).max() <= 2
        for wrong in ([count], [-1]):
            with pytest.raises(VideoError, match="from 0 to"):
                source.read(i, modality, wrong)
        assert source.read(i, modality, []).shape[0] == 0


def test_images_of_another_size(directory, caplog):
    source = Records(directory)
    assert source.seen_as(FrameSpec("short30")).read(3, "rgb", [1]).shape == (
        (1, 30, 45, 3)
    )
    squashed = source.seen_as(FrameSpec("25x15"))
    assert not caplog.records
    for modality, color in (("rgb", (40, 20, 200)), ("flow", (84, 74))):
        images = squashed.read(1, modality, [2, 2])
        assert images.shape == (2, 15, 25, len(color))
        # Vectors of flow become as long as those of such frames: of 40 - 127.5
        # to the left half, of 20 - 127.5 upwards 15 / 31.
        expected = color if modality == "rgb" else (83.75, 75.5)
        assert np.abs(images.astype(float) - expected).max() <= 2
    assert source.read(1, "flow", [2]).shape == (1, 31, 50, 2)
    for _ in range(2):
        source.seen_as(FrameSpec("short60"))
    (record,) = caplog.records  # said once
    assert (
        "prepared with --size short30 are enlarged to short60" in record.message
    )


@pytest.mark.parametrize(
    "stored, wanted, message",
    [
        (
            FrameSpec("340x256"),
            FrameSpec(),
            "size 'short256'.*prepared with size='340x256', which changed",
        ),
        (
            FrameSpec(),
            FrameSpec(deinterlace="yadif"),
            "deinterlace='yadif'.*prepared with deinterlace=None",
        ),
        (FrameSpec(), FrameSpec(fps=15), "fps=15"),
    ],
)
def test_frames_that_cannot_be_had(
    directory, tmp_path, stored, wanted, message
):
    shutil.copytree(directory, tmp_path / "copy")

    def set_frame(values):
        values["settings"]["frame"] = stored.to_dict()

    edit(tmp_path / "copy", set_frame)
    source = Records(tmp_path / "copy")
    with pytest.raises(ValueError, match=message):
        source.seen_as(wanted)
    assert source.seen_as(FrameSpec("170x128")).frame == FrameSpec("170x128")


def test_a_remote_dataset_is_the_local_one(directory):
    url, memory = remote_copy(directory), fsspec.filesystem("memory")
    opened = opening.open_dataset(url)
    local = Records(directory)
    remote = pickle.loads(pickle.dumps(opened.source))
    assert opened.kind == "prepared" and str(opened.catalog.root) == url
    assert remote.catalog.splits == local.catalog.splits
    for modality, last in (("rgb", 8), ("flow", 7)):
        for i in range(4):
            np.testing.assert_array_equal(
                remote.read(i, modality, [last, 0, 3]),
                local.read(i, modality, [last, 0, 3]),
            )
    for shard in shards.find_shards(url, "rgb"):
        memory.rm(str(shard))
    with pytest.raises(VideoError, match="cannot be read: .*rgb-00000"):
        remote.read(2, "rgb", [0])
    memory.rm(url, recursive=True)
    with pytest.raises(ValueError, match="prepared dataset, with.*'memory://"):
        opening.open_dataset(url)


def test_clips_of_both_modalities_show_the_same_moments(directory):
    source = Records(directory)
    # The vectors, which count the images here, stay as long as they are.
    source.stored_as = None
    spec = ClipSpec(
        modalities=("rgb", "flow"), num_segments=2, snippet_length=3, size=16,
        frame=FrameSpec("short30"),
    )  # fmt: skip
    augmentation = Augmentation((Crop(),))
    dataset = pipeline.make(
        source,
        spec,
        (0, 1, 2, 3),
        training=True,
        batch_size=4,
        augmentation=augmentation,
    )
    inputs, labels = next(iter(dataset))
    rgb, flow = inputs["rgb"].numpy(), inputs["flow"].numpy()
    assert rgb.shape == (4, 2, 16, 16, 3) and flow.shape == (4, 2, 16, 16, 6)
    videos = np.rint(rgb[:, :, 0, 0, 0] / 40)
    assert (videos // 2 == labels.numpy()[:, None]).all()
    times = np.rint(rgb[:, :, 0, 0, 1] / 10)
    flow_times = np.rint(flow[:, :, 0, 0, 1::2] / 10)
    assert (flow_times == times[..., None] + np.arange(3)).all()


def test_what_is_missing_is_told(directory, tmp_path):
    with pytest.raises(ValueError, match="Expected a prepared dataset"):
        Records(tmp_path)
    assert not prepared_dataset.is_prepared(tmp_path)
    assert prepared_dataset.is_prepared(directory)
    dataset = tmp_path / "dataset.json"
    content = json.loads((directory / "dataset.json").read_text())
    dataset.write_text(json.dumps({**content, "format": 9}))
    with pytest.raises(ValueError, match="Expected .* format 2.*format 9"):
        Records(tmp_path)
    for text in ("[", json.dumps({**content, "splits": []})):
        dataset.write_text(text)
        with pytest.raises(ValueError, match="was edited.*dataset.json"):
            Records(tmp_path)
    shutil.copy(directory / "dataset.json", dataset)
    edit(tmp_path, lambda values: values.update(splits=[], files={}))
    with pytest.raises(ValueError, match="Records of rgb are missing.*4 in"):
        Records(tmp_path)


def test_damage_is_told_of_the_video(directory, tmp_path):
    shutil.copytree(directory, tmp_path / "copy")
    source = Records(tmp_path / "copy")
    (shard, *_) = shards.find_shards(tmp_path / "copy", "rgb")
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2])
    with pytest.raises(VideoError, match="shorter than its index"):
        source.read(0, "rgb", [8])
    shard.write_bytes(bytes(len(content)))
    with pytest.raises(VideoError, match="rgb-00000.tfrecord. is damaged"):
        source.read(2, "rgb", [0])
    shard.unlink()
    with pytest.raises(VideoError, match="No such file"):
        source.read(2, "rgb", [0])


def test_what_is_not_there(directory):
    source = Records(directory)
    with pytest.raises(VideoError, match=r"0 to 8\. Received: \[9, -1\]"):
        source.read(0, "rgb", [9, 3, -1])
    with pytest.raises(ValueError, match="Received: modality='warped_flow'"):
        source.num_frames(0, "warped_flow")
    (directory / "splits" / "test1.txt").rename(directory / "moved")
    with pytest.raises(ValueError, match=r"no '.*test1\.txt'"):
        Records(directory)
    (directory / "moved").rename(directory / "splits" / "test1.txt")
