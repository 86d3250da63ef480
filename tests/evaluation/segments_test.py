import csv
import re

import av
import numpy as np
import pytest

from keras_vidrec.data.catalogs import video_list
from keras_vidrec.evaluation import segment_files
from keras_vidrec.evaluation.segments import Merging
from keras_vidrec.evaluation.segments import Segment
from keras_vidrec.evaluation.segments import merge
from keras_vidrec.evaluation.timeline import WindowPrediction

CLASSES = ("run", "jump", "background")


def windows(rows, length=1.0, stride=1.0, start=0.0):
    return [
        WindowPrediction(
            round(start + stride * k, 6),
            round(start + stride * k + length, 6),
            np.array(row),
        )
        for k, row in enumerate(rows)
    ]


def spans(segments):
    return [(s.name, round(s.start, 3), round(s.end, 3)) for s in segments]


def by_the_definition(found, how, step=0.1):
    """The classes at points of time, each by all windows, not by sums."""
    moments = np.arange(step / 2, max(w.end for w in found), step)
    rows = np.array(
        [
            np.mean(
                [w.probabilities for w in found if w.start <= t < w.end], axis=0
            )
            for t in moments
        ]
    )
    half = how.smoothing / 2 + 1e-9
    near = abs(moments[:, None] - moments) <= half
    return moments, (near[:, :, None] * rows).sum(1) / near.sum(1)[:, None]


@pytest.mark.parametrize("smoothing", [0.0, 1.9])
def test_a_moment_is_the_mean_of_its_windows(smoothing):
    rng = np.random.default_rng(1)
    found = windows(rng.dirichlet([0.4] * 3, 12), length=1.5, stride=0.5)
    how = Merging(smoothing, background="")
    segments = merge(found, CLASSES, how)
    moments, rows = by_the_definition(found, how)
    # The first is at the start, they follow each other, the last at the end.
    assert (segments[0].start, segments[-1].end) == (0.0, 7.0)
    assert [s.end for s in segments[:-1]] == [s.start for s in segments[1:]]
    for t, row in zip(moments[2::5], rows[2::5]):  # the middles: 0.25, 0.75
        (segment,) = [s for s in segments if s.start <= t < s.end]
        assert segment.name == CLASSES[row.argmax()]
    assert len(segments) == (3 if smoothing else 4)
    if not smoothing:
        for segment in segments:
            inside = (segment.start < moments) & (moments < segment.end)
            mean = rows[inside, CLASSES.index(segment.name)].mean()
            assert segment.score == pytest.approx(mean, abs=1e-9)


def test_background_and_gaps_are_in_no_segment():
    run, jump, nothing = np.eye(3) * 0.7 + 0.1
    found = windows([run, run, nothing, jump], start=1.6)
    later = windows([jump, jump], start=9.0)
    segments = merge([*later, *found], CLASSES)
    assert spans(segments) == [
        ("run", 1.6, 3.6),
        ("jump", 4.6, 5.6),
        ("jump", 9.0, 11.0),
    ]
    assert segments[0].score == pytest.approx(0.8)
    assert merge([], CLASSES) == ()
    named = merge(found, CLASSES, Merging(background="jump"))
    assert spans(named)[-1] == ("background", 3.6, 4.6)


def test_short_ones_go_to_the_neighbor_that_is_likelier():
    rows = [
        (0.9, 0.1, 0.0),
        (0.2, 0.5, 0.3),  # short: likelier background than run
        (0.1, 0.1, 0.8),
        (0.1, 0.2, 0.7),
        (0.4, 0.6, 0.0),  # between two of the same
        (0.0, 0.3, 0.7),
    ]
    found = windows(rows)
    assert len(merge(found, CLASSES, Merging(background=""))) == 5
    how = Merging(min_length=1.5, background="")
    assert spans(merge(found, CLASSES, how)) == [("background", 0.0, 6.0)]
    # Exactly as long is long enough; too short for all, there is nothing.
    assert len(merge(found, CLASSES, Merging(min_length=1.0))) == 3
    assert merge(found, CLASSES, Merging(min_length=7.0)) == ()


def test_several_classes_at_a_time_by_a_threshold():
    found = windows([(0.9, 0.6, 0.9), (0.6, 0.6, 0.9), (0.1, 0.5, 0.9)])
    segments = merge(found, CLASSES, Merging(threshold=0.5))
    assert spans(segments) == [("run", 0.0, 2.0), ("jump", 0.0, 3.0)]
    how = Merging(threshold=0.5, min_length=2.5)
    assert spans(merge(found, CLASSES, how)) == [("jump", 0.0, 3.0)]


@pytest.mark.parametrize(
    "values, message",
    [
        ({"smoothing": -1}, "`smoothing`.*at least 0.*smoothing=-1"),
        ({"min_length": float("nan")}, "Invalid `min_length`"),
        ({"threshold": 0}, r"`threshold`.*\(0, 1\].*threshold=0"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(ValueError, match=message):
        Merging(**values)


SEGMENTS = (
    Segment("run & <jump>\n\n-->", 1.6, 3.6004, 0.876),
    Segment("=sum(A1)", 2.0, 2.0002, 0.5),
    Segment("ünder", 3599.9996, 7201.25, 1.0),
)


def test_subtitles_are_valid_and_read_by_ffmpeg(tmp_path):
    path = tmp_path / "a.vtt"
    segment_files.save_vtt(path, SEGMENTS)
    text = path.read_text("utf-8")
    header, *cues = text.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT" and len(cues) == 3
    clock = r"\d\d+:[0-5]\d:[0-5]\d\.\d{3}"
    for cue in cues:  # the grammar of the standard, of cues without settings
        timing, payload = cue.split("\n")
        assert re.fullmatch(f"{clock} --> {clock}", timing)
        assert "<" not in payload and ">" not in payload
        assert not re.search("&(?!(amp|lt|gt);)", payload)
    with av.open(str(path), format="webvtt") as container:
        packets = [p for p in container.demux() if p.size]
    found = [
        (float(p.pts * p.time_base), float(p.duration * p.time_base))
        for p in packets
    ]
    np.testing.assert_allclose(
        found, [(1.6, 2.0), (2.0, 0.001), (3600.0, 3601.25)], atol=1e-9
    )
    assert bytes(packets[0]) == b"run &amp; &lt;jump&gt; --&gt; 88 %"
    segment_files.save_vtt(path, ())
    assert path.read_text("utf-8") == "WEBVTT\n"


def test_tables_are_lists_of_videos(tmp_path):
    path = tmp_path / "a.csv"
    (tmp_path / "a.mp4").write_bytes(b"video")
    segment_files.save_csv(path, {"a.mp4": SEGMENTS[1:], "b.mp4": ()})
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "path": "a.mp4", "label": "ünder", "start": "3600.000",
        "end": "7201.250", "score": "1.000000",
    }  # fmt: skip
    assert rows[0]["label"] == "'=sum(A1)"
    path.write_text(path.read_text("utf-8").replace("2.000,2.000", "2,2.5"))
    listed = video_list.read(path, tmp_path)
    assert listed.segments == ((2, 2.5, "seconds"), (3600, 7201.25, "seconds"))
    assert listed.classes == ("=sum(A1)", "ünder")


def test_a_background_that_is_no_class():
    with pytest.raises(ValueError, match="such as 'run'.*background='rum'"):
        merge(windows([[1, 0, 0]]), CLASSES, Merging(background="rum"))
    # The usual one need not be there.
    assert merge(windows([[1, 0]]), CLASSES[:2])[0].name == "run"
