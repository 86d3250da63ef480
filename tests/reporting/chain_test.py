import json

import pytest

from keras_vidrec.reporting import chain
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet

VIDEOS = Origin("videos", "v1", decoder="PyAV 16.0")
TOWER = Origin(
    "network",
    "t1",
    split=1,
    trained_on=VideoSet.of("abc"),
    parents={"dataset": VIDEOS},
    versions={"keras": "3.11", "tensorflow": "2.1"},
)
SCORES = Origin(
    "scores",
    "s1",
    parents={
        "network": Origin(
            "network",
            parents={"features": Origin("features", parents={"rgb": TOWER})},
            random=("logits",),
            marks=("3 of 9 leak",),
            versions={"keras": "3.12"},
        ),
        "dataset": Origin(decoder="PyAV 17.0"),
    },
    versions={"keras": "3.12", "numpy": "2.1", "tensorflow": "2.1"},
    decoder="PyAV 17.0",
    marks=("1 of 9 leak", "old"),
)


def test_a_tree_of_what_is_known():
    assert chain.lines(SCORES) == [
        "scores s1, decoded by PyAV 17.0, keras 3.12, tensorflow 2.1",
        "|   ! 1 of 9 leak",
        "|   ! old",
        "|-- network",
        "|   |   random weights: logits",
        "|   |   ! 3 of 9 leak",
        "|   `-- features",
        "|       `-- rgb: network t1, split 1, trained on 3 videos, keras 3.11",
        "|           `-- dataset: videos v1, decoded by PyAV 16.0",
        "`-- dataset: not known",
    ]
    assert chain.lines(Origin("export", marks=("m",))) == ["export", "    ! m"]
    (_, named) = chain.lines(Origin("network", random=tuple("abcdefgh")))
    assert named == "    random weights: a, b, c, d, e, f and 2 more"


def test_a_file_of_it(tmp_path):
    chain.write(SCORES, tmp_path)
    path = tmp_path / chain.FILE
    assert chain.read(path) == SCORES
    for text in ("", "[]", '{"kind": "cake"}', json.dumps({"parents": [1]})):
        path.write_text(text)
        with pytest.raises(ValueError, match="an origin as JSON.*origin.json"):
            chain.read(path)
