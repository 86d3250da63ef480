import dataclasses
import json

import cv2
import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.preparing.packing import Packer
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.sources.records import Records
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos.video import VideoError
from tests.data.frame_images import write_flow
from tests.data.frame_images import write_frames

NAMES = ("a/v_A_g01_c01", "a/v_A_g02_c01", "b/v_B_g01_c01", "b/v_B_g02_c01")
PACKED = Preparation("farneback", size=None, bound=32.0, quality=100)


@pytest.fixture
def folders(tmp_path):
    """TSN's layout: 5 frames and 4 images of flow a video, JPEGs but for the
    last video's, which are PNGs."""
    for i, name in enumerate(NAMES):
        suffix = "png" if i == 3 else "jpg"
        folder = tmp_path / "folders" / name
        write_frames(folder, 5, video=i, template=f"img_{{:05d}}.{suffix}")
        templates = [f"flow_{axis}_{{:05d}}.{suffix}" for axis in "xy"]
        write_flow(folder, 4, video=i, templates=templates)
    return tmp_path / "folders"


def test_packed_is_what_lay_in_the_folders(folders, tmp_path):
    opened = opening.open_dataset(folders)
    out = tmp_path / "out"
    make = Packer(opened, PACKED)
    prepared = prepare(opened.catalog, out, PACKED, make=make, workers=2)
    assert prepared[:4] == (4, 20, 4, {})
    packed = Records(out)
    assert set(packed.modalities) == set(opened.source.modalities)
    assert packed.flow == FlowSpec("farneback", 32.0)
    assert packed.stored_as is None  # nobody knows
    assert packed.videos == NAMES
    assert packed.catalog.splits == opened.catalog.splits
    for i in range(4):
        for modality, count in (("rgb", 5), ("flow", 4)):
            assert packed.num_frames(i, modality) == count
            read = packed.read(i, modality, range(count)).astype(int)
            wanted = opened.source.read(i, modality, range(count))
            assert np.abs(read - wanted).max() <= (2 if i == 3 else 0)
    # JPEGs byte for byte.
    for modality, name in (("rgb", "img_00003"), ("flow", "flow_y_00004")):
        shard = (out / modality / f"{modality}-00000.tfrecord").read_bytes()
        assert (folders / NAMES[1] / f"{name}.jpg").read_bytes() in shard


def test_segments_of_folders_are_told_by_numbers(folders, tmp_path):
    rows = [f"{NAMES[0]},x,0,2", f"{NAMES[0]},y,1,4", f"{NAMES[1]},x,,"]
    listed = tmp_path / "list.csv"

    def opened(columns, rows):
        text = "\n".join([f"path,label,{columns}", *rows])
        listed.write_text(text + "\n")
        return opening.open_dataset(folders, videos_list=listed)

    found = opened("start_frame,end_frame", rows)
    source = found.source
    whole = opening.open_dataset(folders).source
    out = tmp_path / "out"
    make = Packer(found, PACKED)
    assert prepare(found.catalog, out, PACKED, make=make).num_frames == 10
    packed = Records(out)
    for i, (video, first, count) in enumerate(
        ((0, 0, 2), (0, 1, 3), (1, 0, 5))
    ):
        assert source.num_frames(i, "rgb") == count
        assert source.num_frames(i, "flow") == count - 1
        for modality in ("rgb", "flow"):
            indices = np.arange(source.num_frames(i, modality))
            expected = whole.read(video, modality, first + indices)
            for read in (source.read, packed.read):
                images = read(i, modality, indices)
                np.testing.assert_array_equal(images, expected)
        with pytest.raises(VideoError, match=f"{count} images of rgb"):
            source.read(i, "rgb", [count])
    with pytest.raises(ValueError, match="frames.*f9-12|there is no frame in"):
        beyond = opened("start_frame,end_frame", [*rows, f"{NAMES[2]},y,9,12"])
        beyond.source.num_frames(3, "rgb")
    # What nobody knows is not made up.
    with pytest.raises(ValueError, match="start_frame and end_frame.*0 to 2"):
        opened("start,end", rows)
    for frames in (source, packed):
        with pytest.raises(ValueError, match="fps=12"):
            frames.seen_as(FrameSpec(fps=12))


def test_broken_folders_are_left_out(folders, tmp_path):
    (folders / NAMES[0] / "img_00003.jpg").write_bytes(b"\xff\xd8\xff nothing")
    image = np.zeros((10, 10, 3), np.uint8)
    cv2.imwrite(str(folders / NAMES[1] / "flow_x_00002.jpg"), image)
    (folders / NAMES[2] / "flow_x_00002.jpg").unlink()
    opened = opening.open_dataset(folders)
    make = Packer(opened, PACKED)
    problems = (
        r"img_00003\.jpg' is broken",
        r"flow_x_00002\.jpg' is \(10, 10\)",
        "x",
    )
    for name, problem in zip(NAMES, problems):
        with pytest.raises(VideoError, match=problem):
            make(name, PACKED, tmp_path)
    told = dataclasses.replace(PACKED, size="short256")
    with pytest.raises(VideoError, match="not resized by size='short256'"):
        make(NAMES[3], told, tmp_path)
    prepared = prepare(opened.catalog, tmp_path / "out", PACKED, make=make)
    assert prepared.num_videos == 1
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert set(report["failed"]) == set(NAMES[:3])
    assert Records(tmp_path / "out").videos == NAMES[3:]


def test_what_cannot_be_packed(folders, small_videos):
    with pytest.raises(ValueError, match="contain warped_flow.*without change"):
        Packer(opening.open_dataset(folders), Preparation(warped=True))
    with pytest.raises(ValueError, match="Expected a directory of frame"):
        Packer(opening.open_dataset(small_videos), PACKED)


def test_flow_of_brox_is_packed_where_it_cannot_be_computed(folders, tmp_path):
    opened = opening.open_dataset(folders)
    brox = Preparation("brox", size=None)
    make = Packer(opened, brox)
    made = prepare(opened.catalog, tmp_path / "out", brox, make=make, workers=1)
    assert made.num_videos == 4
    assert Records(tmp_path / "out").flow == FlowSpec("brox")
