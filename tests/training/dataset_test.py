import pytest

from keras_vidrec.training import dataset
from keras_vidrec.training import recipes


@pytest.fixture
def recipe(small_videos):
    return recipes.get("quickstart_rgb").with_data(directory=small_videos)


def test_the_parts_of_a_split(recipe):
    data = dataset.load(recipe)
    assert (len(data.train), len(data.test)) == (24, 12)
    assert data.validation == () and data.problems == ()
    assert not set(data.train) & set(data.test)
    assert len(data.source.classes) == 12


def test_validation_comes_out_of_the_training_groups(recipe):
    whole = dataset.load(recipe)
    data = dataset.load(recipe.with_settings(["validation.fraction=0.5"]))
    assert data.test == whole.test
    assert sorted(data.train + data.validation) == sorted(whole.train)
    groups = [
        {data.source.groups[i] for i in part}
        for part in (data.train, data.validation)
    ]
    assert groups[1] and not groups[0] & groups[1]


@pytest.mark.parametrize(
    "setting, message",
    [
        ("data.directory=null", "data.directory=None"),
        ("data.split=2", r"split of \[1\].*data.split=2"),
        ("data.layout=hmdb51", "hmdb51"),
    ],
)
def test_what_is_not_there(recipe, setting, message):
    with pytest.raises(ValueError, match=message):
        dataset.load(recipe.with_settings([setting]))
