from tests.cli.command import vidrec
from tests.cli.show.picture import check_picture
from tests.cli.show.picture import table


def test_flow_and_sheet(small_videos, tmp_path):
    video = sorted(small_videos.glob("MoveLeft/*.avi"))[0]
    out = tmp_path / "flow.png"
    told, err = vidrec(
        "show", "flow", video, "--method=dis", "--size=short32", "--out", out
    )
    assert told == f"Picture: {out}, its numbers: {tmp_path / 'flow.csv'}\n"
    assert not err
    check_picture(out)
    rows = table(tmp_path / "flow.csv")
    assert [row[0] for row in rows] == ["frame", "1", "4", "6", "9"]
    # What moves moves to the left.
    assert all(float(row[3]) < 0 for row in rows[1:])

    sheet = tmp_path / "sheet.png"
    arguments = ["--videos=2", "--seed=1", "--out", sheet]
    told, err = vidrec("show", "sheet", small_videos, *arguments)
    assert told == f"Picture: {sheet}\n" and not err
    same = tmp_path / "same.png"
    vidrec(
        "inspect",
        small_videos,
        "--sheet",
        same,
        "--sheet-videos=2",
        "--seed=1",
    )
    assert sheet.read_bytes() == same.read_bytes()


def test_a_name_that_is_no_picture_is_refused_before_any_work():
    _, err = vidrec("show", "flow", "a.avi", "--out=x.gifs", status=1)
    assert err.startswith("vidrec: ") and "Cannot write a figure" in err
