import numpy as np
import pytest

from keras_vidrec.visualization import deep_draw
from keras_vidrec.visualization import deep_draw_comparison
from tests.visualization.deep_draw_test import network
from tests.visualization.trained_fusion import CLASSES
from tests.visualization.trained_fusion import trained_fusion

SHORT = {"octaves": 1, "steps": 8, "verbose": False}


def test_networks_stand_side_by_side_each_as_drawn_alone():
    networks = {"rgb $a$": network("rgb"), "b": network("flow")}
    found = deep_draw_comparison.draw_classes(
        networks, ["walk"], pictures=2, seed=3, **SHORT
    )
    assert found.seeds == (3, 4) and len(found.drawings) == 4
    alone = deep_draw.draw_class(networks["b"], "walk", seed=4, **SHORT)
    again = found.drawings["b", "walk", 4]
    np.testing.assert_array_equal(again.clips["flow"], alone.clips["flow"])
    assert again.scores == alone.scores
    for drawing in found.drawings.values():
        assert drawing.scores[-1][2] > drawing.scores[0][2] + 4
        assert drawing.probabilities[1] > 0.9 > drawing.probabilities[0]

    axes = deep_draw_comparison.draw(found).axes
    assert not axes.pop(2).images  # the gap between the two
    heads = [one.get_title() for one in axes]
    assert heads[0] == heads[1] == "rgb \\$a\\$\nrgb"
    assert heads[2:] == ["b\nflow x", "b\nflow y"] * 2
    pictures = [one.images[0].get_array() for one in axes]
    clip = found.drawings["rgb $a$", "walk", 4].clips["rgb"][0]
    np.testing.assert_array_equal(pictures[1], clip)
    flow = alone.clips["flow"][0]  # two images of x and y
    np.testing.assert_array_equal(pictures[4], flow[..., 2])
    np.testing.assert_array_equal(pictures[5], flow[..., 3])

    header, rows = deep_draw_comparison.table(found)
    rows = list(rows)
    assert header == ("network", "class", "seed", "octave", "step", "score")
    assert len(rows) == 4 * 8 and rows[8][:5] == ("rgb $a$", "walk", 4, 1, 1)


def test_a_trained_network_of_two_streams_and_two_classes():
    found = deep_draw_comparison.draw_classes(
        {"fusion": trained_fusion()}, CLASSES, **SHORT
    )
    for drawing in found.drawings.values():
        before, after = drawing.probabilities
        assert after > before and drawing.scores[-1][2] > drawing.scores[0][2]
    # What goes left is more red than blue, and moves left.
    left, right = (found.drawings["fusion", c, 0].clips for c in CLASSES)
    for clips, (more, less) in ((left, (0, 2)), (right, (2, 0))):
        channels = clips["rgb"].mean(axis=(0, 1, 2))
        assert channels[more] > channels[less] + 20
    assert left["flow"][..., ::2].mean() < right["flow"][..., ::2].mean() - 10
    # A row a class, frames and x and y of flow; the middle of two segments.
    axes = np.reshape(deep_draw_comparison.draw(found).axes, (2, 3))
    np.testing.assert_array_equal(
        axes[1, 0].images[0].get_array(), right["rgb"][1]
    )
    assert [one.get_ylabel() for one in axes[:, 0]] == list(CLASSES)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"class_names": ["walk", "junp"]}, "^b: .*Did you mean 'jump'"),
        ({"modality": "rgb"}, "^b: .*Received: modality='rgb'"),
        ({"pictures": 0}, "Received: pictures=0"),
        ({"class_names": []}, r"Received: class_names=\[\]"),
        ({"networks": {}}, "Received: networks={}"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, message):
    given = {
        "networks": {"b": network("flow")},
        "class_names": ["walk"],
        **arguments,
    }
    with pytest.raises(ValueError, match=message):
        deep_draw_comparison.draw_classes(**given)
