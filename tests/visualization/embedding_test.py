import cv2
import numpy as np
import pytest

from keras_vidrec import applications
from keras_vidrec.specs import ClipSpec
from keras_vidrec.visualization import embedding
from tests.data.memory_source import MemorySource
from tests.evaluation.mean_color_network import mean_color_network


def test_features_are_means_of_what_the_classifier_sees():
    source = MemorySource(num_videos=25, num_frames=30, broken=[3])
    model = mean_color_network(source.classes)
    found, features = embedding.read_features(
        model, source, [7, 3, *range(8, 25)], verbose=False
    )
    assert found == [7, *range(8, 25)]
    # Pixels are (video, frame, column); three segments of 10 frames, each
    # seen in its middle.
    np.testing.assert_allclose(255 * features[:, 0], found, rtol=1e-4)
    assert features.shape == (18, 3)
    np.testing.assert_allclose(255 * features[:, 1].mean(), 14.5, atol=1)


def test_towers_stand_side_by_side():
    spec = ClipSpec(modalities=("flow",), snippet_length=2, size=32)
    source = MemorySource(num_videos=6)
    networks = {
        "rgb": mean_color_network(source.classes),
        "flow": mean_color_network(source.classes, clip_spec=spec),
    }
    alone = [
        embedding.read_features(network, source, [0, 4], verbose=False)[1]
        for network in networks.values()
    ]
    networks["rgb"].name, networks["flow"].name = "appearance", "motion"
    fused = applications.LateFusion(networks)
    _, both = embedding.read_features(fused, source, [0, 4], verbose=False)
    assert both.shape == (2, 3 + 4)
    # Beside flow frames lie elsewhere; the video and the columns are the same.
    np.testing.assert_allclose(both[:, :3:2], alone[0][:, ::2], rtol=1e-5)
    np.testing.assert_allclose(both[:, 3:], alone[1], rtol=1e-5)


def clusters():
    """Three groups of twelve videos, far apart in 60 dimensions."""
    source = MemorySource(num_videos=36)
    source.classes = ("a", "b", "c")
    source.labels = tuple(i % 3 for i in range(36))
    rng = np.random.default_rng(0)
    features = (
        rng.normal(size=(36, 60)) + 20 * np.eye(60)[np.array(source.labels)]
    )
    return source, range(36), features


def test_what_is_alike_lies_together():
    found = embedding.embed(*clusters())
    distances = np.linalg.norm(found.points[:, None] - found.points, axis=-1)
    np.fill_diagonal(distances, np.inf)
    labels = np.array(found.labels)
    assert (labels[distances.argmin(axis=1)] == labels).all()
    header, rows = embedding.table(found)
    assert header == ("video", "class", "x", "y")
    assert next(iter(rows))[:2] == ("video0", "a")

    # Each class has a form and a color, and its name.
    figure = embedding.draw(found)
    drawn = figure.axes[0].collections
    for label, points in enumerate(drawn):
        np.testing.assert_allclose(points.get_offsets(), found.points[label::3])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "c"]


def one_video_a_class(number):
    return embedding.Embedding(
        np.random.default_rng(0).normal(size=(number, 2)),
        list(range(number)),
        [f"video{i}" for i in range(number)],
        list(range(number)),
        tuple(f"class{i}" for i in range(number)),
        8,
    )


def test_twenty_classes_have_colors_that_differ():
    (axes,) = embedding.draw(one_video_a_class(20)).axes
    colors = [drawn.get_facecolor()[0, :3] for drawn in axes.collections]
    np.testing.assert_allclose(colors[0], np.array([0, 0x72, 0xB2]) / 255)
    colors = np.float32([*colors, (1, 1, 1)])  # also from the paper
    places = cv2.cvtColor(colors[None], cv2.COLOR_RGB2LAB)[0]
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    # Five times what is just seen beside each other.
    assert apart[~np.eye(21, dtype=bool)].min() > 12


def test_many_classes_are_told_apart_and_named_in_the_figure():
    number = 101
    found = one_video_a_class(number)
    figure = embedding.draw(found)
    assert not figure.legends
    (axes,) = figure.axes
    assert {text.get_text() for text in axes.texts} == set(found.classes)
    looks = {
        (tuple(c.get_facecolor()[0]), c.get_paths()[0].vertices.tobytes())
        for c in axes.collections
    }
    assert len(looks) == number


def test_thumbnails_are_middle_frames_that_do_not_overlap():
    source = MemorySource(num_videos=6, num_frames=20, broken=[1])
    pictures = embedding.read_thumbnails(source, [4, 1])
    assert pictures[1] is None
    assert pictures[0].shape == (45, 56, 3)
    assert (pictures[0][..., :2] == (4, 10)).all()
    found = embedding.Embedding(
        np.array([[0.0, 0], [0.01, 0], [5, 5]]),
        [0, 2, 4],
        ["0", "2", "4"],
        [0, 0, -1],
        ("even", "odd"),
        3,
    )
    figure = embedding.draw(found, [pictures[0]] * 3)
    assert len(figure.axes[0].artists) == 2


def test_too_few_videos_and_networks_without_classifier_are_refused():
    source, _, features = clusters()
    with pytest.raises(ValueError, match="at least 5 videos.*Received: 4"):
        embedding.embed(source, range(4), features[:4])
    source.num_features, source.settings = {"rgb": 3}, {"made_from": {}}
    with pytest.raises(ValueError, match="do not contain the path"):
        embedding.read_thumbnails(source, [0])
