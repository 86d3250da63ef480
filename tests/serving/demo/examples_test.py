import logging

from keras_vidrec.serving.demo import examples
from keras_vidrec.training.recipes import RECIPES
from keras_vidrec.training.run import Run
from keras_vidrec.training.run_videos import RunVideos
from keras_vidrec.training.run_videos import Video


def make_run(path, directory, names):
    recipe = RECIPES["quickstart_rgb"]
    recipe = recipe.with_settings([f"data.directory={directory}"])
    listed = tuple(Video(n, n.partition("/")[0], None) for n in names)
    Run(path).claim(recipe, RunVideos(("a",), (), (), listed))
    return path


def test_test_clips_one_of_each_class_first(small_videos, tmp_path, caplog):
    names = sorted(
        path.relative_to(small_videos).as_posix()
        for path in small_videos.rglob("*.avi")
    )
    run = make_run(tmp_path / "run", small_videos, names[:6])
    with caplog.at_level(logging.WARNING):
        found = examples.find([run, tmp_path / "model.keras"], most=3)
        again = examples.find([run, run], most=8)
    # Three clips of each of two classes.
    labels = [name.partition("/")[0] for name in names[:6]]
    assert len({*labels}) == 2 and not caplog.records
    assert [one.label for one in found] == [*dict.fromkeys(labels), labels[0]]
    assert all(one.path.is_file() for one in found)
    assert found[0].picture.shape == (96, 120, 3)
    assert [one.label for one in again] == [labels[0], labels[-1]] * 3


def test_clips_that_are_not_there_are_named(small_videos, tmp_path, caplog):
    first = min(small_videos.rglob("*.avi"))
    names = ["gone/a.avi", first.relative_to(small_videos).as_posix()]
    run = make_run(tmp_path / "run", tmp_path / "prepared", names)
    with caplog.at_level(logging.WARNING):
        assert not examples.find([run])
        assert "gone/a.avi" in caplog.text and first.name in caplog.text
        caplog.clear()
        (found,) = examples.find([run], small_videos)
    assert found.path == first
    assert "gone/a.avi" in caplog.text and first.name not in caplog.text
