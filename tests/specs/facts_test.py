"""The facts are plain data that goes through JSON and back."""

import json

import pytest

from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import VideoSet
from keras_vidrec.specs import fingerprint

FACTS = [
    ClipSpec(("rgb", "flow"), snippet_length=10, flow=FlowSpec("dis", 15)),
    TestProtocol(num_clips=5, sampling="uniform", averaged="probabilities"),
    Blueprint(
        "TSN",
        {"backbone": {"keras_model": "mine"}, "classes": 3},
        {"rgb": None},
    ),
    VideoSet.of(["a/b.avi", "c/d.avi"], [None, "0123"]),
    Origin(
        "network",
        videos=fingerprint([["a", 1]]),
        split=1,
        trained_on=VideoSet.of(["a/b.avi"]),
        parents={
            "weights": Origin(
                "network", "0123", random=["logits"], marks=["a leak"]
            )
        },
        versions={"keras": "3.15"},
        decoder="av 15",
    ),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_there_and_back_through_json(fact):
    again = type(fact).from_dict(json.loads(json.dumps(fact.to_dict())))
    assert again == fact
    with pytest.raises(ValueError, match=r"Unknown fields.*\['other'\]"):
        type(fact).from_dict({**fact.to_dict(), "other": 1})
    with pytest.raises(AttributeError):
        fact.other = 1


@pytest.mark.parametrize(
    "cls, values, received",
    [
        (TestProtocol, {"num_clips": 0}, "num_clips=0"),
        (TestProtocol, {"num_segments": 2.0}, "num_segments=2.0"),
        (TestProtocol, {"sampling": "dense"}, "sampling='dense'"),
        (TestProtocol, {"stride": -1}, "stride=-1"),
        (TestProtocol, {"crops": "three"}, "crops='three'"),
        (TestProtocol, {"averaged": "ranks"}, "averaged='ranks'"),
        (Blueprint, {"application": ""}, "application=''"),
        (Blueprint, {"application": "TSN", "arguments": 1}, "arguments=1"),
        (Blueprint, {"application": "TSN", "backbones": []}, r"backbones=\[\]"),
        (Origin, {"videos": 1}, "videos=1"),
        (Origin, {"split": 0}, "split=0"),
        (Origin, {"parents": {"weights": 1}}, "parents={'weights': 1}"),
        (Origin, {"kind": "video"}, "kind='video'"),
        (Origin, {"marks": "a leak"}, "marks='a leak'"),
        (Origin, {"random": [1]}, r"random=\[1\]"),
        (VideoSet, {"names": "YWI="}, "names='YWI='"),
    ],
)
def test_invalid_values(cls, values, received):
    with pytest.raises(ValueError, match=f"Expected .* Received: {received}"):
        cls(**values)


def test_fingerprints_tell_data_apart():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(["a", "b"]) != fingerprint(["b", "a"])
    assert len(fingerprint([])) == 16
