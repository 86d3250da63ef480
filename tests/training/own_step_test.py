"""The step of one's own that docs/training.md tells of, as it stands there."""

import importlib
import pathlib
import re
import sys

import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec import training
from keras_vidrec.data.augmentation import Augmentation
from tests.training.loop_test import built as built
from tests.training.loop_test import recipe as recipe

DOCS = pathlib.Path(keras_vidrec.__file__).parents[1] / "docs/training.md"


@pytest.mark.usefixtures("eager")
def test_a_file_and_a_training(recipe, tmp_path, monkeypatch):
    section = DOCS.read_text("utf-8").split("### Your own step")[1]
    file, code = re.findall(r"```python\n(.*?)```", section, re.S)[:2]
    (tmp_path / "fog.py").write_text(file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    small = recipe.with_settings(
        ["schedule.phases=[]", "schedule.epochs=1", "validation.fraction=0.5"]
    )
    assert code.count('get("scratch")') == code.count('"my_videos"') == 1
    code = code.replace('get("scratch")', "get(SCRATCH)")
    code = code.replace('"my_videos"', repr(recipe.data.directory))
    names = {"SCRATCH": small.to_dict()}
    exec(compile(code, str(DOCS), "exec"), names)
    run = names["run"]
    fog = sys.modules.pop("fog")
    assert run.recipe.augmentation.steps[2] == fog.Fog(0.4)
    images = np.full((2, 4, 4, 3), 100, np.uint8)
    assert (fog.Fog().on_rgb(images, 0.5) == 177).all()

    # Where nobody has registered it, the network serves, and training does not
    # go on.
    monkeypatch.delitem(keras.saving.get_custom_objects(), "studio>Fog")
    again = training.Run(run.path).recipe
    assert again.augmentation.to_list()[2] == {"studio>Fog": {"density": 0.4}}
    assert run.load_model().count_params()
    longer = again.with_settings(["schedule.epochs=2", "name=other"])
    message = "your own class.*'studio>Fog'. Expected one of"
    with pytest.raises(ValueError, match=message):
        training.train(longer, tmp_path / "other", verbose=0)
    assert not (tmp_path / "other").exists()
    importlib.import_module("fog")
    assert Augmentation.from_list(again.augmentation.to_list()) == (
        run.recipe.augmentation
    )
    sys.modules.pop("fog")
