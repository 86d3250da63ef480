import json

from tests.cli.command import vidrec
from tests.data.frame_images import write_flow
from tests.data.frame_images import write_frames


def test_frame_folders_are_packed(tmp_path):
    frames = tmp_path / "frames"
    for number, name in enumerate(("run/a", "run/b", "walk/a", "walk/b")):
        write_frames(frames / name, 8, video=number)
        write_flow(frames / name, 7, video=number)
    write_frames(frames / "walk" / "c", 8)
    (frames / "walk" / "c" / "img_00004.jpg").unlink()
    out = tmp_path / "packed"
    command = ("prepare", "frames", "--videos", frames, "--out", out)
    text, err = vidrec(*command, "--flow", "dis", "--bound", "32")
    assert "(rgb, flow; 4 videos, 32 frames)" in text
    assert "1 of 5 videos could not be prepared" in err
    text, err = vidrec("inspect", out, "--json", status=1)
    found = json.loads(text)
    assert found["kind"] == "prepared" and not err
    assert found["classes"] == {"run": 2, "walk": 2}
    assert found["images"]["flow"] == {"least": 7, "median": 7, "most": 7}
    assert list(found["broken"]) == ["walk/c"]
    assert "Missing: 4" in found["broken"]["walk/c"]


def test_videos_are_no_frame_folders(small_videos, tmp_path):
    _, err = vidrec(
        *("prepare", "frames", f"--videos={small_videos}"),
        *(f"--out={tmp_path / 'out'}", "--flow=dis"),
        status=1,
    )
    assert "Expected a directory of frame folders" in err
    assert not (tmp_path / "out").exists()
