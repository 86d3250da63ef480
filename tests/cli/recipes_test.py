from keras_vidrec.training import recipes
from keras_vidrec.training.recipe import Recipe
from tests.cli.command import vidrec


def test_the_list_labels_the_figures_of_the_paper():
    out, err = vidrec("recipes")
    assert all(name in out for name in recipes.RECIPES) and not err
    assert "paper: 85.7 % on UCF101 split 1" in out


def test_one_as_yaml_is_that_recipe():
    out, err = vidrec("recipes", "tsn")
    assert Recipe.from_yaml(out) == recipes.get("tsn") and not err
