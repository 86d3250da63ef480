"""A network of three classes, and a clip."""

import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.specs import ClipSpec
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network

CLASSES = ("jump", "run", "sit")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.keras"
    model_file.save(
        mean_color_network(CLASSES, clip_spec=ClipSpec(size=32)), path
    )
    return path


@pytest.fixture
def clip(tmp_path):
    return numbered_video.write(tmp_path / "clip.mp4", 60)  # 2.4 s
