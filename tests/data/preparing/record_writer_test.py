import contextlib
import os
import pathlib

import numpy as np
import pytest

from keras_vidrec.data.prepared import records
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.features import FeatureVersions
from keras_vidrec.data.preparing import record_writer
from keras_vidrec.data.preparing.journal import Journal
from keras_vidrec.data.preparing.record_writer import RecordWriter

MODALITIES = ("rgb", "flow")
VIDEOS = tuple(f"video{number}" for number in range(5))


@contextlib.contextmanager
def writing(directory, shard_bytes=10**6):
    (directory / ".prepare").mkdir(exist_ok=True)
    journal = Journal(directory / ".prepare" / "journal.jsonl", {})
    with contextlib.closing(journal):
        with RecordWriter(directory, MODALITIES, journal, shard_bytes) as out:
            yield journal, out


def add(journal, writer, video):
    record = 2, 3, FeatureVersions([np.zeros((2, 3))])
    positions = writer.append(video, 0, dict.fromkeys(MODALITIES, record))
    journal.add_done(video, 0, positions, 2)
    writer.go_on()


def on_disk(directory):
    """The videos of the journal, as a process that comes later reads it."""
    lines = (directory / ".prepare" / "journal.jsonl").read_text()
    return tuple(video for video in VIDEOS if f'"{video}"' in lines)


@pytest.fixture
def synced(monkeypatch):
    """Names of the files that are brought to the disk, in order."""
    names = []

    def note(descriptor):
        path = pathlib.Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        names.append(path.name.split("-")[0])

    monkeypatch.setattr(os, "fsync", note)
    return names


def test_short_videos_are_synced_together(tmp_path, synced, monkeypatch):
    monkeypatch.setattr(record_writer, "_SYNC_EVERY_S", 1000)
    with writing(tmp_path) as (journal, writer):
        del synced[:]
        for video in VIDEOS:
            add(journal, writer, video)
        assert not synced and not on_disk(tmp_path)
        # Resumed, it would go on with the first video.
        assert tuple(journal.done) == VIDEOS
    # The journal comes last: its records are on the disk.
    assert synced == ["rgb", "flow", "journal.jsonl"]
    assert on_disk(tmp_path) == VIDEOS


def test_a_video_after_a_while_is_synced_at_once(tmp_path, synced, monkeypatch):
    monkeypatch.setattr(record_writer, "_SYNC_EVERY_S", 0)
    monkeypatch.setattr(record_writer, "_SYNC_EVERY", 0)
    with writing(tmp_path) as (journal, writer):
        for number, video in enumerate(VIDEOS, 1):
            del synced[:]
            add(journal, writer, video)
            assert synced == ["rgb", "flow", "journal.jsonl"]
            assert on_disk(tmp_path) == VIDEOS[:number]


def test_an_exception_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(record_writer, "_SYNC_EVERY_S", 1000)
    with pytest.raises(RuntimeError, match="in between"):
        with writing(tmp_path) as (journal, writer):
            add(journal, writer, VIDEOS[0])
            raise RuntimeError("in between")
    with writing(tmp_path) as (journal, writer):
        assert tuple(journal.done) == VIDEOS[:1]
        for video in VIDEOS[1:]:
            add(journal, writer, video)
        writer.seal()
    assert names_in(tmp_path) == dict.fromkeys(MODALITIES, list(VIDEOS))


def test_whole_shards_are_in_the_journal(tmp_path, monkeypatch):
    """Before a shard gets its name: it would have more than the journal."""
    monkeypatch.setattr(record_writer, "_SYNC_EVERY_S", 1000)
    seal = shards.ShardWriter.seal
    known = []

    def noting(self):
        known.append(on_disk(tmp_path))
        seal(self)

    monkeypatch.setattr(shards.ShardWriter, "seal", noting)
    with writing(tmp_path, shard_bytes=1) as (journal, writer):
        for video in VIDEOS:
            add(journal, writer, video)
    assert known[::2] == [VIDEOS[:number] for number in range(1, 6)]
    assert names_in(tmp_path) == dict.fromkeys(MODALITIES, list(VIDEOS))


def names_in(directory):
    return {
        modality: [
            record.video
            for shard in shards.find_shards(directory, modality)
            for record in records.scan(shard)
        ]
        for modality in MODALITIES
    }
