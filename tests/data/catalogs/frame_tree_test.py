import pytest

from keras_vidrec.data.catalogs import frame_tree
from keras_vidrec.videos.video import VideoError


def find(root, *folders):
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "frame000001.jpg").touch()
    return frame_tree.find(root)


def test_one_folder_a_video(tmp_path):
    (tmp_path / "img_00001.jpg").touch()
    (tmp_path / "Run" / "empty").mkdir(parents=True)
    assert find(tmp_path, "Run/b", "Run/a", "top", ".hidden/c") == {
        "Run/a": {"": "Run/a"},
        "Run/b": {"": "Run/b"},
        "top": {"": "top"},
    }


@pytest.mark.parametrize(
    "rgb, x, y, home",
    [
        ("jpegs_256", "u", "v", ""),
        ("jpegs_256", "tvl1_flow/u", "tvl1_flow/v", ""),
        ("rgb", "x", "y", ""),
        ("data/frames", "data/flow/flow_x", "data/flow/flow_y", "data/"),
        (None, "u", "v", ""),
        (None, "tvl1_flow/u", "tvl1_flow/v", "tvl1_flow/"),
    ],
)
@pytest.mark.parametrize("video", ["v_Run_g01_c01", "Run/v_Run_g01_c01"])
def test_trees(tmp_path, rgb, x, y, home, video):
    roles = {"x": f"{x}/{video}", "y": f"{y}/{video}"}
    if rgb:
        roles["rgb"] = f"{rgb}/{video}"
    assert find(tmp_path, *roles.values()) == {home + video: roles}


def test_folders_of_flow_in_each_video(tmp_path):
    expected = {
        "Run/a": {"rgb": "Run/a/img", "x": "Run/a/u", "y": "Run/a/v"},
        "Run/b": {"rgb": "Run/b", "x": "Run/b/x", "y": "Run/b/y"},
    }
    folders = [f for roles in expected.values() for f in roles.values()]
    (tmp_path / "Run" / "b").mkdir(parents=True)
    (tmp_path / "Run" / "b" / "img_1.jpg").touch()
    folders.remove("Run/b")
    assert find(tmp_path, *folders) == expected


@pytest.mark.parametrize(
    "folders",
    [
        ["u/1", "v/1", "w/1"],  # letters of a sign language
        ["u/1", "v/2"],
        ["u/1", "jpegs/1"],
    ],
)
def test_classes_that_are_called_so(tmp_path, folders):
    assert find(tmp_path, *folders) == {name: {"": name} for name in folders}


def test_two_folders_of_frames(tmp_path):
    with pytest.raises(ValueError, match=r"\['jpegs', 'rgb'\] beside 'u'"):
        find(tmp_path, "u/1", "v/1", "jpegs/1", "rgb/1")


def test_links(tmp_path):
    find(tmp_path / "elsewhere", "a")
    root = tmp_path / "data"
    root.mkdir()
    (root / "run").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "again").symlink_to(root)
    assert list(frame_tree.find(root)) == ["run/a"]


def find_series(tmp_path, *names):
    for name in names:
        (tmp_path / name).touch()
    return frame_tree.find_series(tmp_path)


@pytest.mark.parametrize(
    "names, first, width",
    [
        (["img_00001.jpg", "img_00002.jpg"], 1, 5),
        (["img_00000.jpg", "img_00001.jpg", "img_00002.jpg"], 0, 5),
        (["img_8.jpg", "img_9.jpg", "img_10.jpg", "img_11.jpg"], 8, 1),
        (["img_098.jpg", "img_099.jpg", "img_100.jpg"], 98, 3),
        (["img_99.jpg", "img_100.jpg"], 99, 2),
    ],
)
def test_numbers_and_digits(tmp_path, names, first, width):
    (series,) = find_series(tmp_path, *names, "notes.txt", "cover.jpg").values()
    assert (series.first, series.count) == (first, len(names))
    assert series.width == width
    paths = [str(tmp_path / name) for name in names]
    assert [series.path(i) for i in range(len(names))] == paths


@pytest.mark.parametrize(
    "name, prefix, suffix",
    [
        ("0001.JPEG", "", ".JPEG"),
        ("frame000001.png", "frame", ".png"),
        ("v_Run_g01_c02_0001.jpg", "v_Run_g01_c02_", ".jpg"),
        ("Bär 7-001.jpg", "Bär 7-", ".jpg"),
    ],
)
def test_prefix_and_suffix(tmp_path, name, prefix, suffix):
    ((found, series),) = find_series(tmp_path, name).items()
    assert (found, series.prefix, series.suffix) == (prefix, prefix, suffix)
    assert series.path(0) == str(tmp_path / name)


def test_several_series(tmp_path):
    found = find_series(tmp_path, "img_1.jpg", "flow_x_1.jpg", "flow_x_2.jpg")
    assert {name: series.count for name, series in found.items()} == {
        "flow_x_": 2,
        "img_": 1,
    }


@pytest.mark.parametrize(
    "names, message",
    [
        (["img_1.jpg", "img_2.jpg", "img_5.jpg"], r"Missing: 3, 4 \(2 in"),
        (["img_1.jpg", "img_900000000.jpg"], r"Missing: 2, 3.* \(899999998 in"),
        (["img_1.jpg", "img_02.jpg"], r"such as img_1.jpg.*'img_02.jpg'"),
        (["img_01.jpg", "img_1.jpg"], r"such as img_01.jpg.*'img_1.jpg'"),
        (["img_01.jpg", "img_02.png"], r"such as img_01.jpg.*'img_02.png'"),
    ],
)
def test_what_is_no_series(tmp_path, names, message):
    """The fault of one series is no fault of another."""
    found = find_series(tmp_path, *names, "x_1.jpg")
    assert found["x_"].count == 1
    assert isinstance(found["img_"], VideoError)
    with pytest.raises(VideoError, match=message):
        raise found["img_"]
