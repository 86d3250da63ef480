import pytest

from keras_vidrec.evaluation import protocols
from keras_vidrec.training import recipes


@pytest.mark.parametrize(
    "name, views",
    [
        # Snippets (or chunks) of a video that the network sees.
        ("25x10", 25 * 10),
        ("25x1", 25),
        ("25xframe", 25 * 2),
        ("25_chunks", 25 * 2),
        ("5_chunks", 5 * 2),
        ("10x5_chunks", 10 * 5 * 2),
        ("5_sequences", 5 * 7),
    ],
)
def test_views_of_a_video(name, views):
    crops = {"ten": 10, "centre": 1, "frame": 1, "frame_and_mirror": 2}
    recipe = next(
        recipe
        for recipe in recipes.RECIPES.values()
        if recipe.name.startswith("stfn_stage1")
    )
    test = protocols.get(name).test(recipe)
    assert test.num_segments * test.num_clips * crops[test.crops] == views
    # Chunks lie a distance apart, nothing else does.
    assert (test.stride is not None) == (test.sampling == "chunks")


def test_all_are_tested():
    (mark,) = test_views_of_a_video.pytestmark
    assert [name for name, _ in mark.args[1]] == [*protocols.PROTOCOLS]


def test_an_unknown_one_is_refused():
    with pytest.raises(ValueError, match="25x10.*Received: '25x3'"):
        protocols.get("25x3")
