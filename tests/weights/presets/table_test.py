import re

import pytest

from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.weights import presets
from keras_vidrec.weights.presets import class_names
from keras_vidrec.weights.presets import table
from keras_vidrec.weights.published import packages

PRESETS = presets.presets()

SMALL = """
families:
  one:
    common:
      application: TSN
      arguments: {backbone: tiny, modality: rgb}
      address: ["https://a.example/{folder}/{file}", "https://b.example/{file}"]
      format: pytorch
      scheme: torchvision
      data: UCF101
      classes: 101
      class_names: ucf101
      clip: {num_segments: 3, frame: {size: short256, interpolation: area}}
      source: https://a.example
      license: MIT
    presets:
      first: {file: net_20200101-0123abcd.pth, sha256: "0123abcd"}
      second:
        file: flow_x.pth
        arguments: {modality: flow, snippet_length: 5}
        clip: {frame: {size: short320}}
        figures: {top1: 50}
groups:
  pair:
    streams: {rgb: first, flow: second}
    fusion_weights: {rgb: 1, flow: 1.5}
"""


def read(tmp_path, text):
    path = tmp_path / "presets.yaml"
    path.write_text(text, "utf-8")
    return table.read(path)


def test_a_preset_has_what_is_common_to_its_family(tmp_path):
    found = read(tmp_path, SMALL)
    assert list(found) == ["first", "second", "pair"]
    first, second, pair = found.values()
    assert first.addresses == (
        "https://a.example/net/net_20200101-0123abcd.pth",
        "https://b.example/net_20200101-0123abcd.pth",
    )
    assert second.arguments == {
        "backbone": "tiny",
        "modality": "flow",
        "snippet_length": 5,
    }
    spec = second.clip_spec(ClipSpec(modalities=("flow",), snippet_length=5))
    assert spec.num_segments == 3 and spec.frame.size == "short320"
    assert second.figures == {"top1": 50} and first.figures == {}
    assert pair.streams == {"rgb": first, "flow": second}
    assert pair.first is first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("license: MIT", "licence: MIT"), r"first: Unknown .*'licence'"),
        (("families:", "family:"), "Unknown fields of the presets .*family"),
        (("common:", "shared:"), "family one.*'shared'"),
        (("top1: 50", "top2: 50"), "second: Invalid `figures`"),
        (("top1: 50", "top1: 150"), "second: Invalid `figures`"),
        (('sha256: "0123abcd"', 'sha256: "0123"'), "first: Invalid `sha256`"),
        (("classes: 101", "classes: 100"), "first: Invalid `class_names`"),
        (("ucf101", "ucf102"), "first: Invalid `class_names`.*one of"),
        (("format: pytorch", "format: pickle"), "first: Invalid `format`"),
        (("  second:", "  first:"), "presets.yaml"),
        (("  second:", "  Second:"), "Second: Invalid `name`"),
        (("flow: second", "flow: third"), "pair: Invalid `streams`.*names of"),
        (("rgb: first, flow", "flow: first, rgb"), "pair: Invalid `streams`"),
        (("flow: 1.5", "depth: 1.5"), "pair: Invalid `fusion_weights`"),
        (("https://a.example/{", "ftp://a.example/{"), "first: .*addresses"),
        (("license: MIT", "license: MIT\n      state: works"), "`state`"),
        (("license: MIT", "license: MIT\n      package: p"), "`addresses`"),
    ],
)
def test_what_is_no_table(tmp_path, change, message):
    text = SMALL.replace(*change, 1)
    assert text != SMALL
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, text)
    assert "presets.yaml" in str(caught.value)


def test_names_with_a_fault_have_near_ones():
    with pytest.raises(
        ValueError, match="mean 'tsn_resnet50_kinetics400_8seg'"
    ):
        presets.find("tsn_resnet50_kinetcs400_8seg")
    with pytest.raises(
        ValueError, match="'tsn_resnet50_kinetics400_8seg_256p'"
    ):
        presets.find("preset:tsn_resnet50_kinetics400_8seg_")
    with pytest.raises(ValueError) as caught:
        presets.find("quite another thing")
    assert "mean" not in str(caught.value)
    assert presets.find("preset:vgg16_imagenet").file == "vgg16-397923af.pth"
    assert not presets.is_known("preset:") and not presets.is_known("")


def test_every_entry_says_how_its_file_is_known():
    for one in PRESETS:
        entry = one.published_file
        stated = re.search(r"-([0-9a-f]{8,})\.pth$", one.file)
        if stated:  # by its name
            assert one.sha256.startswith(stated[1]), one.name
        if one.package is not None:
            assert one.file.endswith(f"-{one.sha256[:8]}.pth"), one.name
            continue
        assert all(one.file in a or one.member for a in one.addresses)
        plain_http = one.addresses[0].startswith("http:")
        no_hash = one.format in ("caffe", "matconvnet")
        assert entry.is_hashed is not no_hash, one.name
        assert plain_http is (one.format == "matconvnet"), one.name
    files = [(one.file, one.sha256) for one in PRESETS]
    assert len({*files}) == len(files)


def test_networks_of_a_pair_see_the_same_moments():
    groups = [presets.find(name) for name in presets.names()]
    groups = [one for one in groups if isinstance(one, presets.Group)]
    assert len(groups) == 11
    for group in groups:
        specs = [
            one.clip_spec(
                ClipSpec(
                    modalities=(stream,),
                    snippet_length=one.arguments.get("snippet_length", 1),
                    frame=FrameSpec("340x256"),
                )
            ).changed(group.clip)
            for stream, one in group.streams.items()
        ]
        for field in ("stride", "sampling", "size", "frame", "ordered"):
            values = {getattr(spec, field) for spec in specs}
            assert len(values) == 1, (group.name, field)
        tests = {group.protocol or p.protocol for p in group.streams.values()}
        assert len(tests) == 1, group.name


def test_names_of_classes_are_those_of_their_authors():
    """By the sha256 of their lists, of which the first line here is not."""
    known = {
        "kinetics400": "e9f2806fe9109b85",
        "kinetics600": "8dfca4202520ea82",
        "kinetics700": "2f265d35aa760602",
        "ucf101": "fabeefc51625dad8",
        "hmdb51": "c24c56a7af6f3ea5",
        "something_something_v2": "c9c5a86ece619e1a",
    }
    for path in class_names.FOLDER.glob("*.txt"):
        names = class_names.read(path.stem)
        assert len({*names}) == len(names) and all(names)
        if path.stem in known:
            text = "".join(f"{name}\n" for name in names)
            found = packages.hashlib.sha256(text.encode()).hexdigest()
            assert found.startswith(known.pop(path.stem)), path
    assert known == {}
    used = {one.class_names for one in PRESETS} - {None}
    assert used == {path.stem for path in class_names.FOLDER.glob("*.txt")}
