import keras
import pytest

from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import Origin
from tests.cli.command import vidrec
from tests.cli.show.picture import check_picture
from tests.cli.show.picture import table
from tests.visualization.grad_cam_test import tsn

MARK = "1 of 9 videos of the test were trained on"


@pytest.fixture
def network(tmp_path):
    """A small network of frames in a file."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(images)
    x = keras.layers.Conv2D(8, 5, strides=2, name="conv")(x)
    path = tmp_path / "model.keras"
    model = tsn(backbone=keras.Model(images, x))
    predictions_layer(model).origin = Origin("network", marks=(MARK,))
    model.save(path)
    return path


@pytest.mark.large
def test_what_a_network_sees(network, small_videos, tmp_path):
    video = sorted(small_videos.glob("MoveLeft/*.avi"))[0]
    out = tmp_path / "picture.png"
    numbers = tmp_path / "picture.csv"
    said, err = vidrec(
        "show", "gradcam", network, video, "--class=run", "--out", out
    )
    marked = f"{numbers}\nMark of the network: {MARK}\n"
    assert not err and said.endswith(marked)
    check_picture(out)
    assert table(numbers)[0] == ["stream", "segment", "row", "column", "value"]

    said, err = vidrec(
        *("show", "deepdraw", network, "--class=run", "--octaves=2"),
        *("--steps=5", "--out", out),
    )
    assert not err and said.endswith(marked)
    check_picture(out)
    assert len(table(numbers)) == 1 + 2 * 5

    said, err = vidrec(
        *("show", "features", network, "--data", small_videos, "--thumbnails"),
        *("--most=7", "--out", out),
    )
    assert not err and said.endswith(marked)
    check_picture(out)
    rows = table(numbers)
    assert rows[0] == ["video", "class", "x", "y"] and len(rows) == 1 + 7
    assert len({row[1] for row in rows[1:]}) == 7


@pytest.mark.large
def test_errors_are_one_clear_line_before_any_work(network, tmp_path):
    for arguments, message in (
        (["gradcam", network, "none.avi", "--class=ran"], "mean 'run'"),
        (["gradcam", network, "none.avi"], "none.avi"),
    ):
        _, err = vidrec(
            "show", *arguments, "--out", tmp_path / "x.png", status=1
        )
        assert err.startswith("vidrec: ") and message in err
        assert err.count("\n") == 1
    assert not list(tmp_path.glob("x.*"))
