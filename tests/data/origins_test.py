"""What datasets say of where they come from, in whatever form they lie."""

import shutil

import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.preparing.packing import Packer
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from keras_vidrec.videos import content
from tests.data import frame_images
from tests.data import numbered_video
from tests.data.memory_source import MemorySource

LIST = """path,label,start,end
x/a.avi,x,,
x/b.avi,y,0,0.2
x/b.avi,y,0.2,0.4
y/c.avi,y,,
"""


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "videos"
    for number, name in enumerate(("x/a.avi", "x/b.avi", "y/c.avi")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        numbered_video.write(root / name, 10 + number, "MJPG")
    (tmp_path / "list.csv").write_text(LIST)
    return root


def open_list(root):
    return opening.open_dataset(root, videos_list=root.parent / "list.csv")


def test_videos_and_what_is_prepared_of_them(root, tmp_path, in_process):
    opened = open_list(root)
    videos = opened.source.origin()
    assert videos.kind == "videos" and "PyAV" in videos.decoder
    assert videos.versions.keys() == {"keras_vidrec", "opencv"}
    file = content.fingerprint(root / "x/b.avi")
    assert opened.source.contents[1:3] == (f"{file}#0-0.2", f"{file}#0.2-0.4")
    assert Origin.from_dict(videos.to_dict()) == videos

    made = {}
    for size in ("32x24", "16x12"):
        how = Preparation(flow="none", size=size)
        prepare(opened.catalog, tmp_path / size, how)
        made[size] = opening.open_dataset(tmp_path / size).source
    source = made["32x24"]
    prepared = source.origin()
    assert prepared.kind == "prepared"
    assert prepared.parents == {"dataset": videos}
    assert source.contents == opened.source.contents
    for field in ("videos", "content", "decoder", "versions"):
        assert getattr(prepared, field) == getattr(videos, field)
    prints = {videos.fingerprint, prepared.fingerprint}
    assert len(prints | {made["16x12"].origin().fingerprint}) == 3

    # Of some of them, in any order.
    some = source.origin([2, 0])
    assert some == source.origin([0, 2]) and some.parents == prepared.parents
    assert some.content == opened.source.origin([0, 2]).content
    assert len({some.videos, prepared.videos, source.origin([0]).videos}) == 3


def test_each_change_is_seen(root):
    before = open_list(root).source
    known, contents = before.origin(), before.contents

    def difference():
        found = open_list(root).source.origin()
        return {
            field
            for field in ("videos", "content", "fingerprint")
            if getattr(found, field) != getattr(known, field)
        }

    assert difference() == set()
    # As a copy, of another time.
    shutil.copy(root / "x/a.avi", root.parent / "a.avi")
    (root.parent / "a.avi").replace(root / "x/a.avi")
    assert difference() == set()
    list_file = root.parent / "list.csv"
    list_file.write_text(LIST.replace("a.avi,x", "a.avi,y"))
    assert difference() == {"videos", "fingerprint"}
    list_file.write_text(LIST)
    numbered_video.write(root / "x/a.avi", 5, "MJPG")
    assert difference() == {"content", "fingerprint"}
    after = open_list(root).source
    assert [a == b for a, b in zip(contents, after.contents)] == [
        False,
        True,
        True,
        True,
    ]
    # The same video under another name is found.
    (root / "x/b.avi").rename(root / "x/copy.avi")
    list_file.write_text(LIST.replace("b.avi", "copy.avi"))
    renamed = open_list(root).source
    tested = VideoSet.of(renamed.videos, renamed.contents)
    trained = VideoSet.of(before.videos[1:2], contents[1:2])
    assert tested.common(trained) == (1,)


def test_folders_of_frames(tmp_path, in_process):
    for number in range(4):
        folder = tmp_path / "frames" / "xy"[number % 2] / f"v{number}"
        frame_images.write_frames(folder, 3, video=number)
    opened = opening.open_dataset(tmp_path / "frames")
    frames = opened.source.origin()
    assert frames.kind == "frames" and frames.decoder is None
    how = Preparation(flow="none", size=None)
    out = tmp_path / "out"
    prepare(opened.catalog, out, how, make=Packer(opened, how))
    packed = opening.open_dataset(out).source
    assert packed.origin().parents == {"dataset": frames}
    assert packed.contents == opened.source.contents

    # Another image of one of them: it is packed again.
    noise = np.random.default_rng(0).integers(0, 256, 3)
    frame_images.write(tmp_path / "frames/x/v2/img_00002.jpg", noise.tolist())
    frame_images.write(tmp_path / "frames/x/v2/img_00004.jpg", [1, 2, 3])
    opened = opening.open_dataset(tmp_path / "frames")
    made = prepare(opened.catalog, out, how, make=Packer(opened, how))
    assert made.num_new == 1
    index = opened.source.videos.index("x/v2")
    packed = opening.open_dataset(out).source
    assert packed.num_frames(index, "rgb") == 4
    assert packed.contents == opened.source.contents


def test_any_source_has_one():
    source = MemorySource(num_videos=3)
    origin = source.origin()
    assert origin.content is None and origin.kind is None
    assert origin.videos != source.origin([1]).videos
    assert source.contents == (None,) * 3
