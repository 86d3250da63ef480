import keras
import numpy as np
import pytest

from tests.cli.command import vidrec_process


@pytest.mark.large
def test_the_same_seed_gives_the_same_weights(small_videos, tmp_path):
    """Of two processes, to the last bit: dropout, crops and flips too."""
    for name in ("one", "two"):
        vidrec_process(
            *("train", "quickstart_rgb", "--deterministic"),
            *("--data", small_videos, "--out", tmp_path / name),
            *("--set", "clip.size=32", "--set", "schedule.epochs=2"),
            *("--set", "augmentation.flip=true"),
            *("--set", "optimizer.batch_size=8"),
        )
    one, two = (
        keras.models.load_model(tmp_path / name / "model.keras").get_weights()
        for name in ("one", "two")
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
