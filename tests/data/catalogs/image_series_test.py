import pytest

from keras_vidrec.data.catalogs import image_series
from keras_vidrec.videos.video import VideoError


def find(tmp_path, *names):
    for name in names:
        (tmp_path / name).touch()
    return image_series.find(tmp_path)


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
    (series,) = find(tmp_path, *names, "notes.txt", "cover.jpg").values()
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
    ((found, series),) = find(tmp_path, name).items()
    assert (found, series.prefix, series.suffix) == (prefix, prefix, suffix)
    assert series.path(0) == str(tmp_path / name)


def test_several_series(tmp_path):
    found = find(tmp_path, "img_1.jpg", "flow_x_1.jpg", "flow_x_2.jpg")
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
    found = find(tmp_path, *names, "x_1.jpg")
    assert found["x_"].count == 1
    assert isinstance(found["img_"], VideoError)
    with pytest.raises(VideoError, match=message):
        raise found["img_"]
