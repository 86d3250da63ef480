import pytest

from keras_vidrec.data.catalogs import frame_tree


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
