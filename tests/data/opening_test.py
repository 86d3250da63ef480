import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.sources.frame_folders import FrameFolders
from keras_vidrec.data.sources.records import Records
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.specs import FlowSpec
from tests.data.clips.feature_reader_test import make_features
from tests.data.frame_images import write_flow
from tests.data.frame_images import write_frames


def names_of(opened, part):
    videos = opened.catalog.videos
    return {
        key: [videos[i] for i in getattr(split, part)]
        for key, split in opened.catalog.splits.items()
    }


def test_videos(small_videos):
    """Flow of videos is made as the network wants it."""
    dis = opening.open_dataset(small_videos, flow=FlowSpec("dis"))
    farneback = opening.open_dataset(small_videos, flow=FlowSpec("farneback"))
    assert dis.kind == "videos" and isinstance(dis.source, VideoFiles)
    assert dis.source.videos == dis.catalog.videos
    flows = [o.source.read(0, "flow", [3]) for o in (dis, farneback)]
    assert (flows[0] != flows[1]).any()


def test_prepared(small_videos, tmp_path, in_process):
    videos = opening.open_dataset(small_videos)
    out = tmp_path / "prepared"
    prepare(videos.catalog, out, Preparation(flow="none"))
    opened = opening.open_dataset(out)
    assert opened.kind == "prepared" and isinstance(opened.source, Records)
    for part in ("train", "test"):
        assert names_of(opened, part) == names_of(videos, part)
    with pytest.raises(
        ValueError, match="contains its classes and splits.*'lists'"
    ):
        opening.open_dataset(out, splits="lists")
    (out / "dataset.json").unlink()
    with pytest.raises(ValueError, match="Finish it with the same command"):
        opening.open_dataset(out)


@pytest.fixture
def frames(tmp_path):
    root = tmp_path / "frames"
    for name in ("Run/v_Run_g01_c01", "Run/v_Run_g02_c01", "Jump/j 1"):
        write_frames(root / name, 5)
        write_flow(root / name, 4)
    return root


def test_frames_in_folders_of_classes(frames):
    opened = opening.open_dataset(frames, test_fraction=0.5)
    assert opened.kind == "frames" and isinstance(opened.source, FrameFolders)
    assert opened.catalog.classes == ("Jump", "Run")
    assert opened.catalog.groups == ("Jump/j 1", "Run/g01", "Run/g02")
    # A class of one group stays in training.
    assert "Jump/j 1" in names_of(opened, "train")[1]
    assert len(opened.catalog.splits[1].test) == 1


def test_frames_with_official_splits(frames, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "classInd.txt").write_text("1 Walk\n2 Run\n")
    (lists / "trainlist02.txt").write_text("Run/v_Run_g01_c01.avi 2\n")
    (lists / "testlist02.txt").write_text(
        "Run/v_Run_g02_c01.avi\nRun/v_Run_g03_c01.avi\n"
    )
    opened = opening.open_dataset(frames, splits=lists)
    assert names_of(opened, "train") == {2: ["Run/v_Run_g01_c01"]}
    assert names_of(opened, "test") == {2: ["Run/v_Run_g02_c01"]}
    assert opened.source.labels == (1, 1)
    assert opened.catalog.missing == ("Run/v_Run_g03_c01.avi",)


def test_frames_with_lists(frames, tmp_path):
    tsn = tmp_path / "all.txt"
    tsn.write_text("Jump/j 1 5 0\nRun/v_Run_g01_c01 5 1\n")
    opened = opening.open_dataset(frames, videos_list=tsn)
    assert opened.catalog.videos == ("Jump/j 1", "Run/v_Run_g01_c01")
    assert opened.catalog.labels == (0, 1)
    csv = tmp_path / "all.csv"
    csv.write_text(
        "path,label,split\nJump/j 1,up,train\nRun/v_Run_g01_c01,on,test\n"
    )
    opened = opening.open_dataset(frames, videos_list=csv)
    assert opened.catalog.classes == ("on", "up")
    assert names_of(opened, "test") == {1: ["Run/v_Run_g01_c01"]}
    csv.write_text("path,label\nRun,on\n")
    with pytest.raises(ValueError, match="missing.*'Run'"):
        opening.open_dataset(frames, videos_list=csv)
    # The lists of TSN's programs lie in the directory, or elsewhere.
    (frames / "x_train_split_1.txt").write_text("Jump/j 1 5 0\n")
    (frames / "x_val_split_1.txt").write_text("Run/v_Run_g02_c01 5 1\n")
    for splits in (None, frames):
        opened = opening.open_dataset(frames, splits=splits)
        assert names_of(opened, "train") == {1: ["Jump/j 1"]}
        assert names_of(opened, "test") == {1: ["Run/v_Run_g02_c01"]}


def test_where_nothing_is(tmp_path):
    with pytest.raises(ValueError, match="existing directory.*nowhere"):
        opening.open_dataset(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="Found no dataset"):
        opening.open_dataset(tmp_path)


def test_features_are_no_pictures(tmp_path):
    make_features(tmp_path)
    assert opening.open_dataset(tmp_path).kind == "features"
    with pytest.raises(ValueError, match="dataset of features"):
        opening.open_dataset(tmp_path, images_only=True)
