import types

import pytest

from keras_vidrec.data import leaks
from keras_vidrec.data.catalogs import official_splits
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet

SOURCE = types.SimpleNamespace(
    videos=tuple(f"run/{i}.avi" for i in range(6)),
    contents=("c0", None, None, "c3", None, None),
)


def network(*videos, contents=None, **parents):
    return Origin(
        "network",
        training_list="some",
        trained_on=VideoSet.of(videos, contents),
        parents=parents,
    )


def test_what_was_trained_on_is_refused_and_named():
    tower = network("run/2.mp4", "elsewhere.avi", contents=(None, "c3"))
    features = Origin("features", parents={"rgb": tower})
    origin = network("run/0.avi", features=features)
    assert leaks.check(origin, SOURCE, (4, 5)) == ()
    with pytest.raises(ValueError) as raised:
        leaks.check(origin, SOURCE, (1, 2, 3, 5), what="run")
    text = str(raised.value)
    assert text.startswith(
        "Videos of the test were trained on, 2 of 4: 'run/2.avi', 'run/3.avi'."
    )
    assert text.endswith("trained on by: features > rgb (2)")
    with pytest.raises(
        ValueError, match=r"by: the network itself \(1\), fe.* > rgb \(2"
    ):
        leaks.check(origin, SOURCE, range(6))


def test_what_is_allowed_is_marked_and_stays_allowed():
    start = network("run/2.avi", "run/3.avi")
    child = network("run/0.avi", weights=start)
    mark = "2 of 3 videos of the test were trained on by weights."
    assert leaks.check(child, SOURCE, (2, 3, 4), allow=True) == (mark,)
    child = child.replace(marks=(mark,))
    assert leaks.check(child, SOURCE, (2, 3, 4)) == (mark,)
    # Another test is another leak, and what has a mark hands it on.
    with pytest.raises(ValueError, match="1 of 2"):
        leaks.check(child, SOURCE, (3, 4))
    fused = Origin("network", parents={"rgb": child, "flow": child})
    assert leaks.marks(fused) == leaks.check(fused, SOURCE, (4,)) == (mark,)


def test_what_the_network_has_seen_is_told_once():
    origin = network("run/2.avi", weights=network("run/2.avi", "run/3.avi"))
    marks = leaks.check(origin, SOURCE, (2, 3, 4), allow=True)
    assert [mark.rpartition("trained on by ")[2] for mark in marks] == [
        "the network itself.",
        "weights.",
    ]
    with pytest.raises(
        ValueError, match=r"1 of 3: 'run/3.avi'.*weights \(1\)$"
    ):
        leaks.check(origin.replace(marks=marks[:1]), SOURCE, (2, 3, 4))


def test_the_official_splits_leak_into_each_other(real_data):
    """UCF101: whole groups of the first training list are the second test."""
    found = official_splits.ucf101(real_data / "splits" / "ucf101")
    source = types.SimpleNamespace(videos=found.clips)
    one, two = found.splits[1], found.splits[2]
    trained_on = leaks.video_set(source, one.train)
    origin = Origin("network", training_list="1", trained_on=trained_on)
    assert leaks.check(origin, source, one.test) == ()
    with pytest.raises(ValueError) as raised:
        leaks.check(origin, source, two.test)
    both = len({*one.train} & {*two.test})
    assert both == len(two.test) > 3000
    assert f"on, {both} of {len(two.test)}: " in str(raised.value)


def test_what_nobody_knows_is_said():
    assert leaks.check(None, SOURCE, (0, 1)) == leaks.marks(None) == ()
    assert (
        "training videos of w.keras are not"
        in (leaks.remarks(None, "w.keras")[0])
    )
    features = Origin("features", parents={"rgb": Origin("network")})
    lines = leaks.remarks(network("a", features=features))
    assert len(lines) == 1 and "of features > rgb of the network" in lines[0]
    assert leaks.remarks(network("a", weights=network("b"))) == ()
