"""The quickstart as a user runs it, held to what it promises."""

import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from keras_vidrec.cli import quickstart
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.fusion import fuse
from keras_vidrec.evaluation.scores.metrics import top_k_accuracy
from keras_vidrec.evaluation.scores.score_file import Scores
from tests.cli.command import vidrec

PAIRS = (("LeftThenUp", "UpThenLeft"), ("DownThenRight", "RightThenDown"))


def accuracy_of_kind(scores, kind):
    kinds = [KINDS[scores.classes[label]] == kind for label in scores.labels]
    return top_k_accuracy(scores.scores[kinds], scores.labels[kinds])


def accuracy_within_pairs(scores):
    """Which of the two orders, asked of the clips of ordered pairs only."""
    hits = []
    for pair in PAIRS:
        columns = [scores.classes.index(name) for name in pair]
        of_pair = np.isin(scores.labels, columns)
        better = scores.scores[of_pair][:, columns].argmax(axis=1)
        hits.extend(np.take(columns, better) == scores.labels[of_pair])
    return np.mean(hits)


def followed(program):
    """A training of the quickstart that is this program."""
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )


def test_a_training_is_shown_until_it_is_trained(capsys):
    lines = "epoch 1 of 1\nTrained rgb\nTrained: run/model.keras\nNext:\n"
    with followed(f"print({lines!r})") as process:
        quickstart._follow(process)
    assert capsys.readouterr().out == "epoch 1 of 1\nTrained rgb\n"


def test_a_training_that_fails_ends_the_quickstart():
    with followed("print('no data'); raise SystemExit(1)") as process:
        with pytest.raises(RuntimeError, match="SystemExit.*: no data"):
            quickstart._follow(process)


@pytest.mark.large
def test_each_stream_tells_the_kinds_it_can_tell(tmp_path):
    out, err = vidrec("quickstart", "--out", tmp_path)
    assert "probabilities agree within" in out
    # A line now and then of how far the preparation is, and what the joined
    # network was compared with; nothing else.
    *lines, joined = err.splitlines()
    assert all(line.startswith("prepare: ") for line in lines)
    assert (
        f"{tmp_path / 'ts_lstm' / 'model.keras'} can be used on videos"
        in joined
    )
    rgb, flow, ts_lstm = (
        Scores.load(score_naming.find(tmp_path / run)[0])
        for run in ("rgb", "flow", "ts_lstm")
    )
    fused = fuse([rgb, flow], (1, 1.5))
    # Chance is 1 of 12 classes. Single frames: appearance and nothing else.
    assert accuracy_of_kind(rgb, "appearance") >= 0.95
    assert accuracy_of_kind(rgb, "motion") <= 0.25
    assert accuracy_of_kind(rgb, "order") <= 0.3
    # Flow shows motion; both together, both.
    assert accuracy_of_kind(flow, "motion") >= 0.9
    assert accuracy_of_kind(fused, "appearance") >= 0.95
    assert accuracy_of_kind(fused, "motion") >= 0.9
    # The average over the segments forgets their order.
    for scores in (rgb, flow, fused):
        assert 0.3 <= accuracy_within_pairs(scores) <= 0.7
    # What reads them in their order knows all kinds.
    assert accuracy_of_kind(ts_lstm, "order") >= 0.9
    assert accuracy_within_pairs(ts_lstm) >= 0.9
    shown = {"rgb": rgb, "flow": flow, "fused": fused, "ts_lstm": ts_lstm}
    for name, scores in shown.items():
        for kind in ("appearance", "motion", "order"):
            figure = 100 * accuracy_of_kind(scores, kind)
            assert f"{name:7}  {kind:10}  {figure:5.1f} %" in out
    # It ends with a clip of ordered events, recognized.
    shown = out.split("9. Predict one clip: ")[1].splitlines()
    seen = shown[0].split("/")[-2]
    assert seen in shown[1]
    # The export says the same without the package.
    alone = out.split("10. The same by the export alone: ")[1].splitlines()
    assert alone[1].strip() == shown[0] and seen in alone[2]
    picture = cv2.imread(str(tmp_path / "seen.png"))
    assert min(picture.shape[:2]) > 500 and picture.std() > 20
    named = out.split("Where to look")[1].split("Your own videos")[0]
    paths = re.findall(r"^   (\S+)$", named, re.MULTILINE)
    assert len(paths) == 5 and all(map(os.path.exists, paths))
    (clip,) = tmp_path.glob("videos/Dots/*_g01_c01.avi")
    out, _ = vidrec("predict", tmp_path / "ts_lstm", clip, "--top", "1")
    assert "Dots" in out.splitlines()[1]
