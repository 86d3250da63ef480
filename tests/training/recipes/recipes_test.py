import pytest

from keras_vidrec.training import recipes
from keras_vidrec.training.recipe import Recipe


def test_by_name_and_by_file(tmp_path):
    tsn = recipes.get("tsn")
    path = tmp_path / "mine.yaml"
    path.write_text(tsn.to_yaml())
    assert recipes.get(str(path)) == tsn
    assert isinstance(tsn, Recipe)


def test_unknown_name():
    with pytest.raises(
        ValueError, match="Did you mean 'quickstart_rgb'.*'quik"
    ):
        recipes.get("quikstart_rgb")


def test_tsn_is_the_authors_solver():
    """Of the released solver for UCF101: base_lr 1e-3, x0.1 each 1500, 3500
    iterations, clip 40, decay 5e-4, 128 clips an update."""
    tsn = recipes.get("tsn")
    optimiser, schedule = tsn.optimiser, tsn.schedule
    assert optimiser.batch_size * optimiser.accumulate == 128
    assert (optimiser.learning_rate, optimiser.clip_norm) == (1e-3, 40)
    assert (optimiser.momentum, optimiser.weight_decay) == (0.9, 5e-4)
    assert (schedule.steps, schedule.boundaries) == (3500, (1500, 3000))
    assert (tsn.test.num_segments, tsn.test.crops) == (25, "ten")
    assert all(figure.source for figure in tsn.reported)
