import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.visualization import fusion_filters
from tests.cli.command import vidrec
from tests.cli.show.picture import check_picture
from tests.cli.show.picture import table
from tests.visualization.trained_fusion import trained_fusion


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A trained network of two streams in a file."""
    path = tmp_path_factory.mktemp("network") / "fused.keras"
    model_file.save(trained_fusion(), path)
    return path


def test_activations_of_both_towers(network, small_videos, tmp_path):
    video = sorted(small_videos.glob("MoveLeft/*.avi"))[0]
    out = tmp_path / "maps.png"
    told, err = vidrec(
        *("show", "activations", network, video, "--layer=relu1"),
        *("--segment=1", "--channel=4", "--channel=1", "--out", out),
    )
    numbers = tmp_path / "maps.csv"
    assert told == f"Picture: {out}, its numbers: {numbers}\n" and not err
    check_picture(out)
    rows = table(numbers)
    assert rows[0] == ["stream", "channel", "mean", "highest", "active"]
    assert [row[:2] for row in rows[6:8]] == [["rgb", "5"], ["flow", "0"]]
    _, err = vidrec(
        *("show", "activations", network, "none.avi", "--layer=relu"),
        *("--out", out),
        status=1,
    )
    assert "Did you mean 'relu1'" in err and err.count("\n") == 1


def test_what_a_fusion_joins(network, tmp_path):
    out = tmp_path / "fusion.svg"
    told, err = vidrec("show", "fusion", network, "--most=2", "--out", out)
    found = fusion_filters.measure(fusion_filters.find(trained_fusion()))
    assert told.splitlines()[1:] == [fusion_filters.summary(found)] and not err
    assert "<svg" in out.read_text("utf-8")
    rows = table(tmp_path / "fusion.csv")
    assert len(rows) == 1 + 2 * 6
    strongest = found.strongest()
    assert [int(row[2]) for row in rows[1::2]] == strongest["rgb"][0].tolist()
    assert [int(row[4]) for row in rows[1::2]] == strongest["flow"][0].tolist()


def test_networks_side_by_side(network, tmp_path):
    out = tmp_path / "classes.png"
    names = ("--name=from scratch", "--name=TSN")
    command = ("show", "deepdraw", network, network, "--modality=flow")
    told, err = vidrec(
        *command,
        *names,
        *("--class=left", "--class=right", "--octaves=1", "--steps=3"),
        *("--out", out),
    )
    assert told.startswith("Picture: ") and not err
    check_picture(out)
    rows = table(tmp_path / "classes.csv")
    assert len(rows) == 1 + 2 * 2 * 3
    first, second = rows[1 : 1 + 6], rows[1 + 6 :]
    assert [row[0] for row in (first[0], second[0])] == [
        "from scratch",
        "TSN",
    ]
    # The same network, from the same noise.
    assert [row[1:] for row in first] == [row[1:] for row in second]
    for arguments, message in (
        ((*names, "--class=lift"), "vidrec: from scratch: The network"),
        (
            (names[0], "--class=left"),
            "Expected one --name for each of the 2 networks, or none.",
        ),
        (
            ("--class=left",),
            "a different --name for each of them. Received: fused, fuse",
        ),
    ):
        _, err = vidrec(*command, *arguments, "--out", out, status=1)
        assert message in err and err.count("\n") == 1
