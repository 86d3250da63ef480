import types

import pytest

from keras_vidrec.data import leaks
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
    assert text.endswith("trained on by features > rgb (2)")
    with pytest.raises(ValueError, match=r"by itself \(1\), feat.* > rgb \(2"):
        leaks.check(origin, SOURCE, range(6))


def test_what_is_allowed_is_marked_and_stays_allowed():
    start = network("run/2.avi", "run/3.avi")
    child = network("run/0.avi", weights=start)
    mark = "2 of 3 videos of the test were trained on: by weights (2)."
    assert leaks.check(child, SOURCE, (2, 3, 4), allow=True) == (mark,)
    child = child.replace(marks=(mark,))
    assert leaks.check(child, SOURCE, (2, 3, 4)) == (mark,)
    # Another test is another leak, and what has a mark hands it on.
    with pytest.raises(ValueError, match="1 of 2"):
        leaks.check(child, SOURCE, (3, 4))
    fused = Origin("network", parents={"rgb": child, "flow": child})
    assert leaks.marks(fused) == leaks.check(fused, SOURCE, (4,)) == (mark,)


def test_what_nobody_knows_is_said():
    assert leaks.check(None, SOURCE, (0, 1)) == leaks.marks(None) == ()
    assert "trained on by w.keras: " in leaks.remarks(None, "w.keras")[0]
    features = Origin("features", parents={"rgb": Origin("network")})
    lines = leaks.remarks(network("a", features=features))
    assert len(lines) == 1 and "by features > rgb of the network:" in lines[0]
    assert leaks.remarks(network("a", weights=network("b"))) == ()
