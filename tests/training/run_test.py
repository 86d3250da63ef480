import pytest
import tensorflow as tf

from keras_vidrec.specs import Origin
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.tiny import tiny
from keras_vidrec.training.run import Run

RECIPE = Recipe(name="small", schedule=Schedule(epochs=3))
SUMMARY = (
    "{{function_node __wrapped__FlushSummaryWriter_device_CPU:0}} "
    "/run/tensorboard/train/events.out.1; No space left on device\n"
    "\tCould not flush events file. [Op:FlushSummaryWriter] name: "
)


def test_the_same_recipe_goes_on(tmp_path):
    Run(tmp_path / "run").claim(RECIPE)
    Run(tmp_path / "run").claim(RECIPE)
    assert Run.open(tmp_path / "run").recipe == RECIPE


def test_a_run_without_an_epoch_is_given_to_a_corrected_recipe(tmp_path):
    Run(tmp_path).claim(RECIPE.with_settings(["network.application=TNS"]))
    Run(tmp_path).claim(RECIPE)
    assert Run.open(tmp_path).recipe == RECIPE


@pytest.mark.parametrize("left", ["backup", "model.keras"])
def test_another_recipe_is_refused(tmp_path, left):
    Run(tmp_path).claim(RECIPE)
    (tmp_path / left).mkdir()
    other = RECIPE.with_settings(["optimizer.batch_size=7"])
    with pytest.raises(
        ValueError,
        match="optimizer.batch_size=128.*Received: optimizer.batch_size=7",
    ):
        Run(tmp_path).claim(other)
    assert Run.open(tmp_path).recipe == RECIPE


def test_something_else_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="contains something else"):
        Run(tmp_path).claim(RECIPE)
    with pytest.raises(ValueError, match="contains something else"):
        Run(tmp_path / "thesis.tex").claim(RECIPE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_no_run_and_no_model(tmp_path):
    with pytest.raises(ValueError, match="with a recipe.yaml"):
        Run.open(tmp_path)
    Run(tmp_path).claim(RECIPE)
    with pytest.raises(ValueError, match="finished run"):
        Run.open(tmp_path).load_model()


def test_what_it_is_made_from(tmp_path):
    run, origin = Run(tmp_path), Origin("network", split=2, marks=("a",))
    assert run.origin is None
    run.claim(RECIPE, origin=origin)
    assert run.origin == origin
    for text in ("", "3", '{"kind": "cow"}', run.origin_file.read_text()[:-9]):
        run.origin_file.write_text(text)
        with pytest.raises(ValueError, match="origin.json, which is damaged"):
            assert run.origin


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "/run/backup/state.npz"),
        tf.errors.OutOfRangeError(None, None, SUMMARY),
    ],
)
def test_a_full_disk(error):
    with pytest.raises(OSError) as raised:
        with Run("/run").writing():
            raise error
    assert str(raised.value) == (
        "Training stopped: /run cannot be written (No space left on device). "
        "Backups are intact: run the same command again to resume from "
        "the last one, if there is one."
    )
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a"),
        BrokenPipeError(32, "Broken pipe"),  # `vidrec train ... | head`
        tf.errors.ResourceExhaustedError(None, None, "GPU"),
    ],
)
def test_errors_that_are_not_of_the_disk(error):
    with pytest.raises(type(error)) as raised:
        with Run("/run").writing():
            raise error
    assert raised.value is error


def test_one_process_at_a_time(tmp_path):
    run = Run(tmp_path / "new" / "run")
    with run.held():
        assert not run.check(RECIPE)
        run.claim(RECIPE)
        with pytest.raises(ValueError, match="new/run is in use.* to train"):
            run.check_free()
        with pytest.raises(ValueError, match="new/run is in use.* to train"):
            with Run(run.path).held():
                raise AssertionError
        # Readers are not kept from it.
        assert Run.open(run.path).recipe == RECIPE
    run.check_free()


def test_what_a_killed_process_has_left_is_nothing_else(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".partial.recipe.yaml").write_text("sched")
    run = Run(tmp_path)
    assert not run.check(RECIPE)
    with run.held():
        run.claim(RECIPE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "environment.json",
        "recipe.yaml",
    ]


def test_the_best_network_is_damaged(tmp_path):
    run = Run(tmp_path)
    run.backup.mkdir()
    run.best_file.write_bytes(b"PK")
    with pytest.raises(ValueError, match=f"delete {run.backup} to train again"):
        run.check_best()


def test_the_line_for_people_makes_no_other_recipe(tmp_path):
    """A rehearsal tells its epochs there: more of them go on, and fewer are
    refused for what they are."""
    short, long = (
        tiny(recipes.get("scratch"), [f"schedule.epochs={n}"]) for n in (2, 4)
    )
    assert short.summary != long.summary
    Run(tmp_path).claim(long)
    (tmp_path / "model.keras").mkdir()
    assert not Run(tmp_path).is_shorter_than(short)
    with pytest.raises(ValueError, match="schedule.epochs=4 as there.*=2$"):
        Run(tmp_path).claim(short)
    Run(tmp_path / "other").claim(short)
    (tmp_path / "other" / "model.keras").mkdir()
    assert Run(tmp_path / "other").is_shorter_than(long)
