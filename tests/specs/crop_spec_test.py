import pytest

from keras_vidrec.specs import CropSpec


def test_published_numbers():
    tsn = CropSpec()
    assert (tsn.policy, tsn.places, tsn.max_distort) == ("tsn", 13, 1)
    regular = CropSpec("multi_scale_regular")
    assert [round(256 * scale) for scale in regular.scales] == [
        256, 224, 192, 169,
    ]  # fmt: skip
    assert (regular.places, regular.max_distort) == (5, 3)
    jitter = CropSpec("jitter25")
    assert [256 * side for side in jitter.sides] == [168, 280]
    assert CropSpec("inception").area == (0.08, 1.0)
    assert CropSpec("center").to_dict() == {
        "policy": "center",
        **dict.fromkeys(
            ("scales", "max_distort", "places")
            + ("sides", "border", "area", "ratio")
        ),
    }
    for spec in (tsn, regular, jitter):
        assert CropSpec.from_dict(spec.to_dict()) == spec


def test_what_may_tell_of_crops():
    assert CropSpec.of("jitter25") == CropSpec("jitter25")
    assert CropSpec.of({"scales": [1.0]}).scales == (1.0,)
    assert CropSpec.of(CropSpec("center")) == CropSpec("center")


@pytest.mark.parametrize(
    "values, received",
    [
        ({"policy": "corner"}, "policy='corner'"),
        ({"scales": ()}, r"scales=\(\)"),
        ({"scales": [0.0, 1.0]}, r"scales=\(0.0, 1.0\)"),
        ({"scales": 1.0}, "scales=1.0"),
        ({"max_distort": -1}, "max_distort=-1"),
        ({"places": 9}, "places=9"),
        ({"border": 0.25}, "border=0.25"),
        ({"policy": "jitter25", "border": 0.6}, "border=0.6"),
        ({"policy": "jitter25", "sides": [1.25, 0.75]}, r"sides=\(1.25, 0.75"),
        ({"policy": "inception", "area": [0.5, 2]}, r"area=\(0.5, 2\)"),
        ({"policy": "inception", "ratio": [1]}, r"ratio=\(1,\)"),
        ({"policy": "center", "scales": [1.0]}, r"scales=\(1.0,\)"),
    ],
)
def test_invalid_values(values, received):
    with pytest.raises(ValueError, match=f"the crops.*: {received}"):
        CropSpec(**values)
