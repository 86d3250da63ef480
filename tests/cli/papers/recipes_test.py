from keras_vidrec.training import recipes
from keras_vidrec.training.recipes.recipe import Recipe
from tests.cli.command import vidrec


def test_the_list_is_by_paper_and_labels_its_figures():
    out, err = vidrec("recipes")
    assert not err
    sections = dict(part.split("\n", 1) for part in out.split("\n\n")[1:])
    assert [*sections] == [*recipes.PAPERS]
    for paper, of_paper in recipes.PAPERS.items():
        lines = sections[paper].splitlines()
        named = [line for line in lines if "  paper: " not in line]
        for line, name in zip(named, of_paper, strict=True):
            summary = recipes.get(name).summary
            assert line.split(maxsplit=1) == [name, summary]
    assert (
        "  paper: 85.7 % on UCF101 split 1 (TSN, tables 3 and 4; from "
        "ImageNet weights, with partial batch normalization)\n"
    ) in out
    assert "paper: 94.3 % on UCF101, mean of 3 splits (STFN, table 6;" in out


def test_one_is_its_file_with_the_sources_of_its_values():
    out, err = vidrec("recipes", "tsn_rgb_ucf101_code")
    assert Recipe.from_yaml(out) == recipes.get("tsn_rgb_ucf101_code")
    assert "  momentum: 0.9  # paper 4.1\n" in out
    assert not err


def test_the_beginning_of_a_name_finds_those_that_begin_so():
    out, err = vidrec("recipes", "tsn_rgb_hmdb51", status=1)
    assert "Did you mean 'tsn_rgb_hmdb51_code'? " in err and not out
    assert err.startswith("vidrec: ") and err.count("\n") == 1
