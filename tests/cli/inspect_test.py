import json
import shutil

import cv2

from tests.cli.command import vidrec
from tests.data.frame_images import write_flow
from tests.data.frame_images import write_frames

# The pixels of a network that is quickly built.
RECIPE = """
name: small
network:
  application: TSN
  arguments: {backbone: tiny, modality: flow}
clip: {size: 32, num_segments: 2}
"""


def test_videos(small_videos, tmp_path):
    out, err = vidrec("inspect", small_videos)
    assert "videos   36 in 12 classes" in out and not err
    assert "split 1  24 training, 12 test" in out
    assert "rgb      12 to 12 images a video, median 12" in out
    assert "No broken files" in out
    name = next(small_videos.rglob("*.avi")).name
    for part in ("run", "walk"):
        (tmp_path / part).mkdir()
        shutil.copy(next(small_videos.rglob(name)), tmp_path / part / "a.avi")
        (tmp_path / part / "b.avi").write_bytes(b"")
    out, err = vidrec("inspect", tmp_path, status=1)
    assert "broken: 2\n  run/b.avi: " in out
    assert "the same: 1\n  run/a.avi = walk/a.avi" in out
    assert "No broken files" not in out and not err


def test_what_was_understood_and_its_list(small_videos, tmp_path):
    clips = sorted(small_videos.rglob("*.avi"))
    for i, name in enumerate(
        ("train/run/a", "train/walk/b", "VAL/walk/c", "test/run/d")
    ):
        path = tmp_path / "data" / f"{name}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clips[4 * i], path)
    (tmp_path / "data" / "train" / "notes.txt").touch()
    out, _ = vidrec(
        "inspect", tmp_path / "data", "--write-list", tmp_path / "list.csv"
    )
    assert "read as  folders VAL, test, train are the parts" in out
    assert "split 1  2 training, 1 test, 1 validation" in out
    assert "not a video extension: 'train/notes.txt'" in out
    assert f"List: {tmp_path / 'list.csv'}" in out
    lines = (tmp_path / "list.csv").read_text().splitlines()
    assert lines[:2] == [
        "path,label,split,group",
        "VAL/walk/c.avi,walk,val,VAL/walk/c",
    ]
    again, _ = vidrec(
        "inspect", tmp_path / "data", "--list", tmp_path / "list.csv"
    )
    assert "read as  list.csv: separated by commas, columns path, lab" in again
    assert "split 1  2 training, 1 test, 1 validation" in again
    # What is alike is listed where the split is an automatic one.
    for name in ("a", "b"):
        path = tmp_path / "more" / name / f"{name}.avi"
        path.parent.mkdir(parents=True)
        shutil.copy(clips[0], path)
        shutil.copy(clips[9 * (name == "b") + 3], path.with_name("other.avi"))
    out, _ = vidrec("inspect", tmp_path / "more")
    assert "alike, kept together: 1\n  a/a.avi = b/b.avi\n" in out


def test_frame_folders_as_json_and_on_a_sheet(tmp_path):
    for number, name in enumerate("abcd"):
        folder = tmp_path / "frames" / f"class {number % 2}" / name
        write_frames(folder, 12, video=number)
        write_flow(folder, 11, video=number)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{RECIPE}\naugmentation: [crop, mixup]\n")
    sheet = tmp_path / "sheet.png"
    out, err = vidrec(
        "inspect",
        tmp_path / "frames",
        *("--json", "--sheet", sheet, "--recipe", recipe),
    )
    assert err == (
        f"Not on the sheet: mixup, which mixes two clips.\nSheet: {sheet}\n"
    )
    found = json.loads(out)
    assert found["kind"] == "frames" and found["is_sound"]
    assert found["classes"] == {"class 0": 2, "class 1": 2}
    assert found["images"]["flow"] == {"least": 11, "median": 11, "most": 11}
    # Two training videos, two snippets of five images.
    height, width, _ = cv2.imread(str(sheet)).shape
    assert height == 2 * (18 + 32 + 4) and width >= 4 + 10 * (32 + 4)


def test_the_sheet_shows_flow_where_there_is_flow(tmp_path):
    heights = []
    for number, has_flow in enumerate((False, True)):
        frames = tmp_path / str(number)
        for i, name in enumerate("abcd"):
            folder = frames / ("walk", "run")[i % 2] / name
            write_frames(folder, 12, video=i)
            if has_flow:
                write_flow(folder, 11, video=i)
        sheet = tmp_path / f"{number}.png"
        vidrec("inspect", frames, "--sheet", sheet)
        heights.append(cv2.imread(str(sheet)).shape[0])
    assert heights[1] > 1.5 * heights[0]
    _, err = vidrec("inspect", frames, "--recipe", "scratch", status=2)
    assert "--sheet" in err


def test_what_cannot_be_inspected(tmp_path):
    out, err = vidrec("inspect", tmp_path, status=1)
    assert "Found no dataset" in err and not out


def test_settings_of_the_data(small_videos, tmp_path):
    """As of a training."""
    clips = sorted(small_videos.rglob("*.avi"))[::4]
    for i, clip in enumerate(clips[:8]):
        path = tmp_path / "ab"[i % 2] / f"{i}.avi"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(clip, path)
    command = "inspect", tmp_path, "--set"
    out, _ = vidrec(*command, "data.test_fraction=0.25")
    assert "split 1  6 training, 2 test" in out
    out, _ = vidrec(*command, "data.test_fraction=0.5")
    assert "split 1  4 training, 4 test" in out
    _, err = vidrec(*command, "data.test_fraction=2", status=1)
    assert "Invalid `data.test_fraction`" in err
    _, err = vidrec(*command, "optimizer.batch_size=2", status=2)
    assert "data.background" in " ".join(err.split())
