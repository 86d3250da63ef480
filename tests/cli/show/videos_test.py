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


def test_modalities_of_a_file_and_of_what_was_prepared(small_videos, tmp_path):
    video = sorted(small_videos.glob("MoveLeft/*.avi"))[0]
    out, numbers = tmp_path / "modalities.png", tmp_path / "modalities.csv"
    command = ("show", "modalities", "--frames=2", "--out", out)
    told, err = vidrec(*command, video, "--method=dis", "--size=short32")
    assert told == f"Picture: {out}, its numbers: {numbers}\n" and not err
    check_picture(out)
    rows = table(numbers)
    assert rows[0][:4] == ["frame", "picture", "how", "mean"]
    assert [row[1] for row in rows[1::2]] == [
        *("rgb", "rgb_diff", "flow x", "flow y"),
        *("warped_flow x", "warped_flow y"),
    ]
    assert [row[2] for row in rows[1::4]] == ["read", "made", "made"]
    # What moves moves to the left.
    assert float(rows[5][3]) < 0

    chosen = tmp_path / "videos"
    for path in sorted(small_videos.glob("*/*g01_c01.avi"))[5:8]:
        copied = chosen / path.relative_to(small_videos)
        copied.parent.mkdir(parents=True)
        copied.write_bytes(path.read_bytes())
    data = tmp_path / "data"
    vidrec(
        *("prepare", "folder", "--videos", chosen, "--out", data),
        *("--size=short32", "--flow=dis", "--workers=1"),
    )
    name = f"MoveLeft/{video.name}"
    vidrec(*command, name, "--data", data)
    again = table(numbers)
    assert [row[2] for row in again[5:]] == ["read"] * 4 + ["made"] * 4
    for row, other in zip(rows[5:9], again[5:9]):
        assert abs(float(row[3]) - float(other[3])) < 0.1
    _, err = vidrec(*command, name[:-1], "--data", data, status=1)
    assert f"Did you mean {name!r}" in err
    _, err = vidrec(*command, name, "--data", data, "--method=tvl1", status=1)
    assert (
        "Expected --method dis, or no --method. Received: --method tvl1" in err
    )
