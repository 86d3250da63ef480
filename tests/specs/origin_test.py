"""The chain of origin, and the videos that were trained on in it."""

import pytest

from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet


def test_videos_are_known_by_name_whatever_their_suffix_and_by_content():
    trained = VideoSet.of(
        ["Jump/v_1.avi", "Jump/cafe\u0301.mp4", "Run/v.2"], ["x", None, "y"]
    )
    assert len(trained) == 3
    tested = VideoSet.of(
        [
            "Jump/v_1",  # frames of it
            "Jump/caf\u00e9.mkv",
            "Run/v.3",  # no suffix: another name
            "copy/of.avi",  # the content of the third
            "Jump/v_2.avi",
        ],
        [None, None, "z", "y", None],
    )
    assert tested.common(trained) == (0, 1, 3)
    assert VideoSet.of(["other"]).common(VideoSet.of(["more"])) == ()
    # Unknown contents are not the same content.
    assert (
        VideoSet.of(["a", "b"], [None, "x"]).common(
            VideoSet.of(["c", "d"], [None, "y"])
        )
        == ()
    )


def test_leaks_are_found_in_every_generation():
    tower = Origin(
        "network", "t", trained_on=VideoSet.of(["a/1.avi", "a/2.avi"])
    )
    features = Origin("features", "f", parents={"rgb": tower})
    head = Origin(
        "network",
        trained_on=VideoSet.of(["a/3.avi"]),
        parents={"features": features},
    )
    assert [path for path, _ in head.generations()] == [
        (),
        ("features",),
        ("features", "rgb"),
    ]
    tested = VideoSet.of(["a/0.avi", "a/2.avi", "a/3.avi"])
    assert head.leaks(tested) == {(): (2,), ("features", "rgb"): (1,)}
    assert head.leaks(VideoSet.of(["a/4.avi"])) == {}


def test_a_list_stands_once_in_a_chain():
    one, two = (
        Origin("network", training_list=name, trained_on=VideoSet.of([name]))
        for name in ("a", "b")
    )
    start = two.replace(parents={"weights": one})
    whole = one.replace(parents={"weights": start, "rgb": one})
    short = whole.without_repeats()
    again = one.replace(trained_on=None)
    assert short.parents["rgb"] == again
    assert short.parents["weights"] == two.replace(parents={"weights": again})
    tested = VideoSet.of(["b", "a"])
    assert short.leaks(tested) == {(): (1,), ("weights",): (0,)}
    assert short.without_repeats() == short


def test_a_chain_has_an_end():
    values = Origin().to_dict()
    for _ in range(40):
        values = {**Origin().to_dict(), "parents": {"weights": values}}
    with pytest.raises(ValueError, match="at most 32 generations"):
        Origin.from_dict(values)
