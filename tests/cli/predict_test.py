"""What `vidrec predict` cannot be asked for."""

import pytest


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["clip.mp4", "--camera", "0"], "--camera cannot be"),
        (["--overlay", "a.mp4", "--camera", "0"], "--camera cannot be"),
        ([], "Expected video files, or --camera"),
        (
            ["a.mp4", "b.mp4", "--overlay", "c.mp4"],
            "--overlay needs exactly one",
        ),
        (["a.mp4", "--overlay", "a.mp4"], "would overwrite the video"),
        (["a.mp4", "d/a.avi", "--window", "2"], "Several videos are named a"),
        (["a.mp4", "--window", "fast"], "seconds such as 2s"),
        (["a.mp4", "--stride", "-1s"], "seconds such as 2s"),
        (["a.mp4", "--json", "--csv"], "--json or --csv, not both"),
        (["a.mp4", "--csv", "--window", "2"], "--csv cannot be combined"),
        (["a.mp4", "--min-length", "2"], "--background need --window"),
        (["-", "a.mp4", "-"], "can be given only once"),
        (["no-such/*.mp4"], "No video matches the pattern 'no-such/*.mp4'"),
    ],
)
def test_bad_usage(arguments, message):
    from typer.testing import CliRunner

    from keras_vidrec.cli.main import app

    result = CliRunner().invoke(
        app, ["predict", "model.keras", *arguments], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 2 and message in result.output
