"""Damaged files, segments and rates, as a user meets them."""

import json

import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.sources.records import Records
from tests.cli.command import vidrec
from tests.videos import encodings

LOST = "of the 50 frames that it states, the last 25 are cut off"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Videos of 50 frames; of `run/b` the second half is missing, of `walk/b`
    packets in the midst are zeros. A list names segments of the sound ones."""
    root = tmp_path_factory.mktemp("damaged")
    for i, name in enumerate(("run/a", "run/b", "walk/a", "walk/b")):
        path = root / f"{name}.avi"
        path.parent.mkdir(exist_ok=True)
        picture = f"testsrc2=s=64x48:r=25:d=2,hue=h={40 * i}"
        how = encodings.MPEG4
        if name == "walk/b":
            path = path.with_suffix(".mp4")
            how = (*encodings.X264, "yuv420p", "-g", "5")
        encodings.encode(path, how, picture)
    path = root / "run" / "b.avi"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    path = root / "walk" / "b.mp4"
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat")
    length = (len(content) - begin) * 4 // 10
    content[begin + length : begin + 2 * length] = bytes(length)
    path.write_bytes(content)
    rows = [
        "path,label,split,start,end",
        *("run/a.avi,run,train,0,0.8", "run/a.avi,run,train,1,2"),
        *("run/a.avi,run,test,0.8,1", "walk/a.avi,walk,train,0,1"),
        *("run/b.avi,run,train,0,0.8", "run/b.avi,run,train,0.8,1.8"),
        *("walk/a.avi,walk,test,1,2", "walk/b.mp4,walk,test,,"),
    ]
    (root / "list.csv").write_text("\n".join(rows) + "\n")
    return root


def test_every_command_names_what_is_damaged(damaged, tmp_path):
    said, _ = vidrec("inspect", damaged)
    assert "damaged, left out of training: 2" in said
    assert "run/b.avi: 52% of its frames are lost" in said and LOST in said
    assert "walk/b.mp4: " in said and "frames are damaged" in said
    found = json.loads(vidrec("inspect", damaged, "--json")[0])
    assert list(found["damaged"]) == ["run/b.avi", "walk/b.mp4"]
    assert found["healths"]["run/b.avi"]["lost_at_end"] == 25
    assert found["is_sound"]

    how = ("--flow=none", "--size=64x48", "--workers=1")
    _, said = vidrec(
        *("prepare", "folder", "--videos", damaged, "--out", tmp_path), *how
    )
    assert "Damaged clips, excluded from training: 2." in said and LOST in said
    dataset = prepared_dataset.load(tmp_path)
    by_name = dict(zip(dataset.catalog.videos, dataset.healths))
    assert by_name["run/b.avi"].lost_at_end == 25
    assert by_name["run/a.avi"].lost_share == 0
    assert max(dataset.lost) > 0.1


@pytest.mark.tensorflow_only
@pytest.mark.usefixtures("eager", "uncompiled")
def test_training_leaves_out_what_a_test_names(damaged, tmp_path):
    run = tmp_path / "run"
    out, err = vidrec(
        *("train", "quickstart_rgb", "--data", damaged, "--out", run),
        *("--list", damaged / "list.csv", "--set=data.layout=list"),
        *("--set=clip.frame.size=64x48", "--set=clip.frame.fps=10"),
        *("--set=clip.size=32", "--set=schedule.epochs=1"),
        *("--set=optimizer.batch_size=2", "--set=clip.num_segments=2"),
    )
    # The first part of a file whose end is lost is as good as any.
    assert "Damaged clips are excluded from training: 1" in err
    assert "run/b.avi#0.8-1.8: 80% of its frames are lost" in err
    assert "4 videos to train on, 3 to test" in out
    _, err = vidrec("evaluate", run)
    assert "Damaged clips are tested: 1." in err and "walk/b.mp4: " in err
    assert len(list((run / "scores").glob("*.npz"))) == 1
    _, err = vidrec("predict", run, damaged / "run" / "b.avi", "--protocol=2x1")
    assert err.startswith(f"{damaged / 'run' / 'b.avi'}: ") and LOST in err


def test_segments_at_a_rate_are_prepared_and_refused_by_others(
    damaged, tmp_path
):
    said, _ = vidrec(
        *("prepare", "list", "--videos", damaged, "--out", tmp_path),
        *("--list", damaged / "list.csv", "--flow=dis", "--size=64x48"),
        *("--fps=10", "--workers=2"),
    )
    assert "8 videos" in said
    records = Records(tmp_path)
    counts = [records.num_frames(i, "rgb") for i in range(8)]
    counts = dict(zip(records.videos, counts))
    assert counts["run/a.avi#0-0.8"] == 8 and counts["run/a.avi#1-2"] == 10
    assert counts["run/a.avi#0.8-1"] == 2
    assert records.stored_as.fps == 10
    assert opening.open_dataset(tmp_path).kind == "prepared"
