"""The same records by another way, whatever happens on the way."""

import errno
import json
import os
import pathlib
import re
import shutil
import sys

import numpy as np
import pytest

from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.preparing import beam
from keras_vidrec.data.preparing import journal
from keras_vidrec.data.preparing import parts
from keras_vidrec.data.preparing import prepare as local
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.preparing.video_preparer import VideoPreparer
from keras_vidrec.data.sources.records import Records
from keras_vidrec.specs import checks
from tests.cli.command import vidrec
from tests.data.prepared_records import records_of

pytest.importorskip("apache_beam")

pytestmark = pytest.mark.usefixtures("no_pipeline_left")

DIS = Preparation(flow="dis", size="64x48")


def workers(number, mode):
    return f"--direct_num_workers={number}", f"--direct_running_mode={mode}"


def prepare(catalog, directory, preparation=DIS, runner="DirectRunner", **how):
    return beam.prepare(catalog, directory, preparation, runner=runner, **how)


@pytest.fixture(scope="module")
def catalog(small_videos, tmp_path_factory):
    """Five small videos and a broken one."""
    root = tmp_path_factory.mktemp("beam")
    for i, path in enumerate(sorted(small_videos.glob("*/*.avi"))[::8]):
        (root / "ab"[i % 2]).mkdir(exist_ok=True)
        shutil.copy(path, root / "ab"[i % 2] / f"v_x_g{i:02d}_c01.avi")
    (root / "b" / "v_x_g09_c01.avi").write_text("no video")
    return catalogs.folder(root)


@pytest.fixture(scope="module")
def whole(catalog, tmp_path_factory):
    """Prepared by the engine of one machine."""
    directory = tmp_path_factory.mktemp("whole") / "out"
    local.prepare(catalog, directory, DIS, workers=2)
    return directory


def new_part(root, run):
    root = os.fspath(root)
    preparing = beam._Preparing(VideoPreparer(root, DIS))
    return parts.Part(run, preparing, [root])


def check_same(directory, whole):
    assert records_of(directory) == records_of(whole)
    assert not (directory / ".prepare" / "parts").exists()
    source, expected = Records(directory), Records(whole)
    assert source.videos == expected.videos
    assert source.catalog.splits == expected.catalog.splits
    assert source.settings == expected.settings
    report = (directory / "report.json").read_text()
    assert report == (whole / "report.json").read_text()


def test_two_workers_write_what_one_machine_writes(catalog, whole, tmp_path):
    prepared = prepare(
        catalog, tmp_path, options=workers(2, "multi_threading"), shards=3
    )
    assert prepared[:3] == (5, 60, 5)
    assert list(prepared.failed) == ["b/v_x_g09_c01.avi"]
    check_same(tmp_path, whole)
    assert len(shards.find_shards(tmp_path, "flow")) == 3


@pytest.mark.large
@pytest.mark.parametrize("flow", ["none", "dis", "tvl1"])
def test_processes_write_what_one_machine_writes(catalog, tmp_path, flow):
    preparation = Preparation(flow=flow, size="64x48")
    local.prepare(catalog, tmp_path / "local", preparation, workers=2)
    prepared = prepare(
        catalog,
        tmp_path / "beam",
        preparation,
        options=workers(2, "multi_processing"),
    )
    assert prepared[:3] == (5, 60, 5)
    check_same(tmp_path / "beam", tmp_path / "local")


def test_again_only_what_failed(catalog, small_videos, tmp_path, in_process):
    root = tmp_path / "videos"
    shutil.copytree(catalog.root, root)
    found = catalogs.folder(root)
    out = tmp_path / "out"
    prepare(found, out, shards=2)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*-*")}
    again = prepare(found, out, shards=2)
    assert again.num_new == 0 and len(again.failed) == 1
    assert before == {
        path: path.stat().st_mtime_ns for path in out.rglob("*-*")
    }
    # The broken one was replaced.
    shutil.copy(next(small_videos.glob("*/*.avi")), root / next(iter(again[3])))
    assert prepare(found, out, shards=2)[:4] == (6, 72, 1, {})
    assert len(shards.find_shards(out, "rgb")) == 3
    assert len(Records(out).videos) == 6
    assert len(records_of(out)) == 12
    # One that was good, too.
    before = Records(out)
    shutil.copy(
        sorted(small_videos.glob("*/*.avi"))[-1], root / found.videos[0]
    )
    assert prepare(found, out, shards=2)[:4] == (6, 72, 1, {})
    after = Records(out)
    same = [
        np.array_equal(before.read(i, "rgb", [5]), after.read(i, "rgb", [5]))
        for i in range(6)
    ]
    assert same == [False] + 5 * [True]
    assert prepare(found, out, shards=2).num_new == 0


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [0, 1, 3, 4, 6, 9, 11])
def test_killed_at_any_moment(
    catalog, whole, tmp_path, in_process, monkeypatch, after
):
    """Killed after so many moves of files and lines of the journal."""
    left = [after]
    replace = pathlib.Path.replace
    add_done = journal.Journal.add_done

    def stepping(step):
        def counted(self, *arguments):
            # Not where a worker or another file moves.
            path = getattr(self, "_path", self)
            if not path.is_relative_to(tmp_path / "out") or (
                step is add_done and "parts" in path.parts
            ):
                return step(self, *arguments)
            if "parts" in path.parts and ".partial" in path.name:
                return step(self, *arguments)
            if not left[0]:
                raise Killed
            left[0] -= 1
            return step(self, *arguments)

        return counted

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(parts, "_REPEAT_EVERY_S", 1000)
        patch.setattr(pathlib.Path, "replace", stepping(replace))
        patch.setattr(journal.Journal, "add_done", stepping(add_done))
        with pytest.raises(Killed):
            prepare(catalog, out, shards=2)
    with pytest.raises(ValueError, match="Finish it with the same command"):
        Records(out)
    prepared = prepare(catalog, out, shards=3)
    assert prepared.num_videos == 5
    check_same(out, whole)


def test_a_worker_that_fails_costs_only_its_part(
    catalog, whole, tmp_path, in_process, monkeypatch
):
    write_record = shards.records.write_record
    left = [5]

    def limited(file, *record):
        left[0] -= 1
        if left[0]:
            return write_record(file, *record)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shards.records, "write_record", limited)
        with pytest.raises(RuntimeError, match="space"):
            prepare(catalog, tmp_path, shards=3)
    prepared = prepare(catalog, tmp_path)
    assert prepared.num_videos == 5 and prepared.num_new in (3, 4)
    check_same(tmp_path, whole)


def test_attempts_leave_one_part(catalog, tmp_path, in_process, monkeypatch):
    labels = dict(zip(catalog.videos[:2], catalog.labels))
    (tmp_path / "00007.json").write_text(json.dumps(labels))
    part, other = (new_part(catalog.root, tmp_path) for _ in range(2))
    make = part._make

    def overtaken(attempt, labels):
        make(attempt, labels)
        other("00007")

    monkeypatch.setattr(part, "_make", overtaken)
    part("00007")
    whole = tmp_path / "00007"
    assert sorted(os.listdir(tmp_path)) == ["00007", "00007.json"]
    before = whole.stat().st_mtime_ns
    part("00007")
    assert whole.stat().st_mtime_ns == before
    assert sorted(os.listdir(whole)) == ["flow", "journal.jsonl", "rgb"]


def test_a_worker_without_the_files_says_so(catalog, tmp_path):
    part = new_part("/nowhere", tmp_path)
    with pytest.raises(ValueError, match="same path on all.*nowhere"):
        part("00000")


def test_other_settings_and_engines_are_refused(catalog, whole, tmp_path):
    with pytest.raises(ValueError, match="other settings.*engine=Apache Beam"):
        prepare(catalog, whole)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="contains something else"):
        prepare(catalog, tmp_path)


def test_wrong_runners(catalog, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="Unexpected pipeline runner: Hare"):
        prepare(catalog, out, runner="Hare")
    with pytest.raises(ValueError, match=r"Received: \['--direct_worker=2'\]"):
        prepare(catalog, out, options=["--direct_worker=2"])
    with pytest.raises(ValueError, match="shards=0"):
        prepare(catalog, out, shards=0)
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    command = re.escape(checks.how_to_install("beam"))
    with pytest.raises(ValueError, match=command):
        prepare(catalog, out)
    assert not out.exists()


def test_command_line(catalog, tmp_path):
    arguments = ["prepare", "folder", "--videos", catalog.root]
    arguments += ["--out", tmp_path / "out", "--flow", "none"]
    arguments += ["--size", "64x48"]
    runner = ["--runner", "DirectRunner", "--shards", 1]
    printed, _ = vidrec(
        *arguments, *runner, "--", *workers(2, "multi_threading")
    )
    assert "(rgb; 5 videos, 60 frames)" in printed
    assert Records(tmp_path / "out").modalities == ("rgb", "rgb_diff")
    _, error = vidrec(*arguments, *workers(2, "multi_threading"), status=2)
    assert "--direct_num_workers" in error
    _, error = vidrec(*arguments, "--", *workers(1, "x"), status=2)
    assert "need --runner" in error.replace("\n", " ")
