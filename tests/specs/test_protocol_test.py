import dataclasses
import itertools

import pytest

from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol

CHUNKS = ClipSpec(sampling="chunks", stride=(5, 35), num_segments=5)


@pytest.mark.parametrize(
    "test, name",
    [
        (Protocol(), "25x10"),
        (Protocol(num_segments=3, crops="center"), "3x1"),
        (Protocol(num_segments=None), "trainedx10"),
        (Protocol(crops="frame"), "25xframe_alone"),
        (
            Protocol(
                num_segments=4, sampling="chunks", stride=2, num_clips=3,
                crops="frame_and_mirror", averaged="probabilities",
            ),
            "4xframe_and_mirror-chunks-stride_2-3_clips-probabilities",
        ),
    ],
)  # fmt: skip
def test_names(test, name):
    assert test.name == name


def test_tests_of_one_name_are_the_same():
    values = {
        "num_clips": (1, 2),
        "num_segments": (None, 5, 25),
        "sampling": (None, "uniform", "spread", "chunks"),
        "stride": (None, 15),
        "crops": ("center", "ten", "frame", "frame_and_mirror"),
        "averaged": ("logits", "probabilities"),
    }
    assert {*values} == {field.name for field in dataclasses.fields(Protocol)}
    tests = [
        Protocol(**dict(zip(values, row)))
        for row in itertools.product(*values.values())
    ]
    assert len({test.name for test in tests}) == len(tests)


def test_named():
    assert Protocol.named("8x1") == Protocol(num_segments=8, crops="center")
    assert Protocol.named("8x10") == Protocol(num_segments=8, crops="ten")
    for name, row in PROTOCOLS.items():
        assert Protocol.named(name) is row.test


def test_completed():
    assert Protocol(num_segments=None).completed(CHUNKS) == Protocol(
        num_segments=5, sampling="chunks", stride=20
    )
    test = Protocol(sampling="uniform")
    assert test.completed(CHUNKS) == test
    assert test.shown(CHUNKS) == CHUNKS.replace(
        num_segments=25, sampling="uniform", stride=None
    )
    assert Protocol(stride=3).shown(CHUNKS).stride == (3, 3)
    with pytest.raises(ValueError, match="stride=3, sampling='tsn_caffe'"):
        Protocol(stride=3).completed(ClipSpec())
    with pytest.raises(ValueError, match="test.stride. Received: stride=None"):
        Protocol(sampling="chunks").shown(ClipSpec())
