"""Options that several commands have, as a user gives them."""

import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.specs import ClipSpec
from tests.cli.command import vidrec
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network


@pytest.mark.parametrize(
    "options, message",
    [
        (["--window=never"], "Expected seconds such as 2s, not 'never'."),
        (["--window=0s"], "Expected seconds such as 2s, not '0s'."),
        (["--window=2", "--smoothing=-1s"], "seconds such as 2s, not '-1s'."),
        (["--window=2", "--threshold=2"], "Invalid value for '--threshold': "),
        (["--parts=2"], "--parts and options after -- belong to a --runner"),
        (["--runner=X", "--parts=0"], "Invalid value for '--parts': "),
        (["--class-names=no.txt"], "'no.txt' does not exist"),
        (["--file=rgb=a.pth", "--file=b.pth"], "Received: 'rgb=a.pth b.pth'"),
        (["--file=a.pth", "--file=b.pth"], "STREAM=PATH for each, such as rgb"),
    ],
)
def test_bad_usage_is_told_before_anything_is_loaded(options, message):
    _, err = vidrec("predict", "no.keras", "clip.mp4", *options, status=2)
    assert message in " ".join(err.replace("\u2502", " ").split())


def test_options_of_a_runner_need_one():
    """To `predict` all that follows after -- are videos."""
    command = ("evaluate", "no.keras", "--", "--direct_num_workers=2")
    _, err = vidrec(*command, status=2)
    words = " ".join(err.replace("\u2502", " ").split())
    assert "belong to a --runner. Received: '--direct_num_workers=2'" in words


def test_seconds_with_and_without_their_unit(tmp_path):
    model = tmp_path / "model.keras"
    model_file.save(
        mean_color_network(("run", "sit"), clip_spec=ClipSpec(size=32)), model
    )
    clip = numbered_video.write(tmp_path / "clip.mp4", 60)
    command = ("predict", model, clip, "--json", "--out", tmp_path)
    one, other = (
        vidrec(*command, f"--window={window}", f"--stride={stride}")[0]
        for window, stride in (("1s", "0.5s"), ("1", ".5"))
    )
    assert one == other and one.count("\n") == 3


def test_names_are_the_lines_of_a_file(tmp_path):
    """They are for published networks; a network of one's own has some."""
    model, names = tmp_path / "model.keras", tmp_path / "names.txt"
    model_file.save(mean_color_network(("run", "sit")), model)
    names.write_text("walk\n\n  jump \n", "utf-8")
    _, err = vidrec(
        *("predict", model, "clip.mp4", "--class-names", names), status=1
    )
    assert "Received: class_names=['walk', 'jump']" in err
