import json

import pytest

from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec


@pytest.mark.parametrize(
    "spec",
    [
        ClipSpec(),
        ClipSpec(
            modalities=("rgb", "flow"),
            num_segments=5,
            snippet_length=10,
            alignment="centered",
            stride=(5, 15),
            sampling="chunks",
            size=112,
            flow=FlowSpec("dis", 32),
            frame=FrameSpec("340x256", "bilinear", 15, "yadif"),
            ordered=True,
        ),
    ],
)
def test_survives_json(spec):
    assert ClipSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_files_from_before_there_was_an_order():
    values = ClipSpec().to_dict()
    assert values.pop("ordered") is False
    assert ClipSpec.from_dict(values) == ClipSpec()


def test_channels_and_images():
    spec = ClipSpec(modalities=("rgb", "rgb_diff", "flow"), snippet_length=5)
    found = {
        modality: (spec.num_images(modality), spec.channels(modality))
        for modality in spec.modalities
    }
    assert found == {"rgb": (1, 3), "rgb_diff": (6, 18), "flow": (5, 10)}


def test_changes_of_single_fields():
    spec = ClipSpec(
        frame=FrameSpec("340x256"),
        flow=FlowSpec("dis", 15),
    )
    changed = spec.changed(
        {"frame": {"deinterlace": "bob"}, "flow": {"bound": 4}, "size": 64}
    )
    assert changed == spec.replace(
        frame=FrameSpec("340x256", deinterlace="bob"),
        flow=FlowSpec("dis", 4),
        size=64,
    )
    with pytest.raises(ValueError, match="`flow.bound`.* Received: flow.bound"):
        spec.changed({"flow": {"bound": -1}})


@pytest.mark.parametrize(
    "changes, received",
    [
        ({"modalities": ()}, r"modalities=\(\)"),
        ({"modalities": ("rgb", "rgb")}, "modalities="),
        ({"modalities": ("depth",)}, "modalities=.'depth'"),
        ({"modalities": "rgb"}, "modalities='rgb'"),
        ({"num_segments": 0}, "num_segments=0"),
        ({"num_segments": True}, "num_segments=True"),
        ({"snippet_length": 5}, "snippet_length=5"),
        ({"alignment": "middle"}, "alignment='middle'"),
        ({"sampling": "dense"}, "sampling='dense'"),
        ({"stride": (1, 10)}, r"stride=\(1, 10\)"),
        ({"sampling": "chunks", "stride": (10, 1)}, r"stride=\(10, 1\)"),
        ({"sampling": "chunks", "stride": (0, 1)}, r"stride=\(0, 1\)"),
        ({"sampling": "chunks", "stride": 5}, "stride=5"),
        ({"sampling": "chunks"}, "stride=None"),
        ({"ordered": 1}, "ordered=1"),
        ({"size": 2.5}, "size=2.5"),
        ({"frame": {"size": "256x"}}, "frame.size='256x'"),
        ({"frame": "short256"}, "frame='short256'"),
        ({"flow": {"method": "deepflow"}}, "flow.method='deepflow'"),
        ({"flow": {"bound": -1}}, "flow.bound=-1"),
    ],
)
def test_invalid_values(changes, received):
    with pytest.raises(ValueError, match=f"Expected .* Received: {received}"):
        ClipSpec(**changes)


def test_unknown_fields():
    with pytest.raises(ValueError, match=r"Received: \['segments'\]"):
        ClipSpec.from_dict({"segments": 3})
    with pytest.raises(ValueError, match=r"of flow.* Received: \['metod'\]"):
        ClipSpec.from_dict({"flow": {"metod": "dis"}})
