import pathlib
import re

import pytest
import yaml

from keras_vidrec.reproduction import make_plan
from keras_vidrec.reproduction import parts
from keras_vidrec.reproduction import planner
from keras_vidrec.reproduction.parts import Fusion
from keras_vidrec.reproduction.parts import Given
from keras_vidrec.reproduction.parts import Training
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes import tables

BOTH = ("ucf101", "hmdb51")
STARTS = pathlib.Path(planner.__file__).with_name("starts.yaml")


def only(paper, table, row, column, **arguments):
    """The figure of one cell."""
    plan = make_plan(paper, (table,), (row,), **arguments)
    found = [f for f in plan.figures if f.row.column == column]
    (figure,) = [f for f in found if f.row.row == row]
    return figure


@pytest.fixture(scope="module")
def whole():
    """All tables of all papers, by paper."""
    return {paper: make_plan(paper) for paper in tables.papers()}


def test_every_figure_of_every_table_can_be_made_or_says_what_it_lacks(whole):
    lacking = {}
    for paper, plan in whole.items():
        assert [figure.row for figure in plan.figures] == [*tables.rows(paper)]
        possible, lacks = plan.possible(BOTH, ())
        assert len(possible.figures) + len(lacks) == len(plan.figures)
        for lines in lacks.values():
            for line in lines:
                name, what = re.fullmatch(
                    r"--given (\w+)=PATH: (.+)", line
                ).groups()
                lacking.setdefault(name, set()).add(paper)
                assert "{dataset}" not in what
    assert lacking == {
        "bn_inception": {"tsn"},
        "brox_ucf101": {"ts_lstm"},
        "googlenet": {"tsn"},
        "idt_hmdb51": {"st_multiplier", "two_stream_fusion"},
        "idt_ucf101": {"st_multiplier", "two_stream_fusion"},
        "mifs_hmdb51": {"stfn"},
        "mifs_ucf101": {"stfn"},
        "vgg_m_2048": {"two_stream_fusion"},
    }
    for plan in whole.values():
        possible, lacks = plan.possible(BOTH, lacking)
        assert len(possible.figures) == len(plan.figures) and not lacks
        _, lacks = plan.possible(("ucf101",), lacking)
        for lines in lacks.values():
            assert lines == ("--data hmdb51=DIR: the videos of HMDB51",)


def test_what_comes_first_is_made_first(whole):
    for plan in whole.values():
        for figure in plan.figures:
            before = set()
            for part in figure.parts():
                if isinstance(part, Training):
                    needs = {one.name for one in part.weights.values()}
                    if part.features:
                        needs.add(part.features.name)
                elif isinstance(part, parts.Tested):
                    needs = {part.training.name}
                elif isinstance(part, Given):
                    needs = set()
                else:
                    needs = {one.name for one in part.networks.values()}
                assert needs <= before
                before.add(part.name)


def test_rows_share_what_is_the_same():
    """Table 1 of TSN prints 12 figures of 6 networks: two rows begin with the
    same network of frames, two with the same one of flow."""
    plan = make_plan("tsn", (1,))
    counts, trainings = plan.trainings()
    assert len(plan.figures) == 12
    assert sorted(counts.values()) == [2, 2, 2, 2, 4, 4]
    scratch = only("tsn", 1, "From Scratch", "Temporal ConvNets")
    spatial = only("tsn", 1, "Pre-train Spatial", "Temporal ConvNets")
    assert scratch.tests[1].name == spatial.tests[1].name
    assert not scratch.tests[1].training.weights
    # Of another table, and of a mean over three splits.
    again = only("tsn", 4, "BN-Inception", "Two-Stream").tests[1]
    last = only("tsn", 1, "+ Partial BN with dropout", "Two-Stream").tests[1]
    assert [m.name for m in again.members] == [m.name for m in last.members]
    three = only("tsn", 6, "TSN (3 modalities)", "UCF101").tests
    mean = only("tsn", 3, "Average", "Two-Stream").tests[1]
    assert [*three] == [1, 2, 3]
    assert [m.name for m in three[1].members[:2]] == [
        m.name for m in mean.members
    ]
    assert {m.training.split for m in three[2].members} == {2}
    assert three[1].weights == (1.0, 1.0, 0.5)
    # Tested otherwise, not trained otherwise.
    few = only("two_stream_fusion", 4, "3D Conv, 3D pooling", "UCF101 split 1")
    many = only("two_stream_fusion", 5, "S: VGG-16, T: VGG-M", "UCF101")
    assert few.tests[1].training.name == many.tests[1].training.name
    assert few.tests[1].test.name == "5_chunks"
    assert many.tests[1].test.num_clips == 20
    assert few.tests[1].training.recipe == many.tests[1].training.recipe
    # A recipe of the same values has the same name, whoever asks.
    assert {*trainings} <= {*make_plan("tsn").trainings()[0]}


def test_two_stream_fusion_is_tested_as_its_paper_says(whole):
    """On 5 frames or chunks and their mirrors (3.5); for the comparison with
    others on 20 (4.6), of networks that pool 5 chunks (4.5)."""
    shown, networks = {}, {}
    for figure in whole["two_stream_fusion"].figures:
        table = figure.row.table
        for test in figure.tests.values():
            for part in parts.needed(test):
                if not isinstance(part, parts.Tested):
                    continue
                assert part.test.crops == "frame_and_mirror"
                number = part.test.num_clips, part.test.num_segments
                shown.setdefault(table, set()).add(number)
                network = part.training.recipe.network
                if network.application == "TwoStreamFusion":
                    made = [
                        network.arguments[name]
                        for name in ("num_segments", "temporal_pooling")
                    ]
                    networks.setdefault(table, set()).add((*made,))
    few = {(1, 5)}
    assert shown == {
        **dict.fromkeys((1, 2, 3, 4, "4.2"), few),
        5: {(20, 5), (1, 20)},
        6: {(20, 5)},
    }
    assert networks == {
        **dict.fromkeys((1, 2, "4.2"), {(1, None)}),
        4: {(5, None), (5, "max")},
        **dict.fromkeys((5, 6), {(5, "max")}),
    }


def test_scores_are_fused_as_printed():
    fused = only("tsn", 3, "Average", "Two-Stream").tests[1]
    assert isinstance(fused, Fusion)
    assert (fused.weights, fused.scores) == ((1.0, 1.5), "logits")
    late = only("st_multiplier", 4, "HMDB51, ResNet-50", "Late Fusion")
    assert late.tests[3].weights == (1.0, 3.0)  # paper 5.3
    two = only("ts_lstm", 2, "Two-stream, UCF101", "Mean").tests[2]
    assert two.scores == "probabilities"
    softmax = only(
        "two_stream_fusion", 3, "UCF101 split 1, VGG-16", "Late Fusion"
    ).tests[1]
    assert (softmax.weights, softmax.scores) == ((1.0, 1.0), "probabilities")
    same = only("tsn", 5, "Accuracy", "Temporal Segment Networks").tests[1]
    assert [m.name for m in same.members] == [m.name for m in fused.members]
    with_idt = only("st_multiplier", 5, "Ours + IDT", "HMDB51").tests[2]
    network, scores = with_idt.members
    assert network.training.recipe.name == "st_multiplier_hmdb51"
    assert scores.name == "idt_hmdb51"
    assert with_idt.normalize == (None, "l2")
    of_fusion = only(
        "two_stream_fusion", 6, "Ours+IDT (S: VGG-16, T: VGG-M)", "UCF101"
    )
    assert of_fusion.tests[1].normalize == (None, None)


def test_networks_start_from_those_of_their_backbones():
    def towers(*cell):
        weights = only(*cell).tests[1].training.weights
        return {
            stream: (
                part.recipe.name,
                part.recipe.network.arguments["backbone"],
            )
            for stream, part in weights.items()
        }

    row = ("two_stream_fusion", 4, "2D Conv, 2D pooling", "HMDB51 split 1")
    assert towers(*row) == {
        "rgb": ("two_stream_vgg16_rgb_hmdb51", "vgg16"),
        "flow": ("two_stream_vgg_m_2048_flow_hmdb51", "vgg_m_2048"),
    }
    # Which started from that of UCF101, and this from a file.
    flow = only(*row).tests[1].training.weights["flow"]
    (before,) = flow.weights.values()
    assert before.recipe.name == "two_stream_vgg_m_2048_flow_ucf101"
    (file,) = before.weights.values()
    assert (file.name, file.default) == ("vgg_m_2048", None)
    assert towers("st_multiplier", 5, "Ours", "HMDB51") == {
        "rgb": ("two_stream_resnet50_rgb_hmdb51", "resnet50_caffe"),
        "flow": ("two_stream_resnet50_flow_hmdb51", "resnet152_caffe"),
    }
    # The one that table 4 tests.
    ours = only("st_multiplier", 5, "Ours", "HMDB51").tests[1].training
    flow = ours.weights["flow"]
    motion = only("st_multiplier", 4, "HMDB51, ResNet-152", "Motion")
    assert flow.name == motion.tests[1].training.name
    # Keras has the weights of this one, unless somebody brings others.
    (start,) = flow.weights.values()
    assert (start.name, start.default) == ("resnet152_caffe", "imagenet")


def test_networks_over_features():
    lstm = only("ts_lstm", 5, "TS-LSTM", "HMDB51").tests[3].training
    assert lstm.recipe.network.arguments["units"] == [512, 512]
    assert (lstm.features.num_frames, lstm.features.grid) == (
        25,
        "feature_grid",
    )
    assert {t.recipe.name for t in lstm.features.networks.values()} == {
        "two_stream_resnet101_rgb_hmdb51",
        "two_stream_resnet101_flow_hmdb51",
    }
    (before,) = lstm.weights.values()
    assert before.recipe.name == "ts_lstm_ucf101"
    assert before.recipe.network.arguments["units"] == [512, 512]
    assert before.split == 3 and before.features.name != lstm.features.name
    second = only("stfn", 6, "STFN (Inception-V3)", "UCF101").tests[1].training
    (first,) = second.weights.values()
    assert first.recipe.name == "stfn_stage1_ucf101" and not first.features
    assert first.recipe.initialization.frozen == ("rgb", "flow")
    assert first.recipe.network.arguments["backbone"] == "inception_v3"
    for stream in ("rgb", "flow"):
        tower = first.weights[stream]
        assert tower.recipe.name == f"two_stream_inception_v3_{stream}_ucf101"
    maximum = only("stfn", 2, "Maximum", "UCF101 split 1").tests[1].training
    (stage1,) = maximum.weights.values()
    arguments = stage1.recipe.network.arguments
    assert (arguments["fusion"], arguments["num_segments"]) == ("max", 5)
    assert {part.recipe.name for part in stage1.weights.values()} == {
        "two_stream_resnet101_stfn_rgb_ucf101",
        "two_stream_resnet101_stfn_flow_ucf101",
    }
    brox = (
        only("ts_lstm", 1, "Brox, ResNet-101", "UCF101 split 1")
        .tests[1]
        .training
    )
    assert brox.dataset.name == "brox_ucf101" and "brox_ucf101" in brox.name


def test_what_recipes_say_they_start_from():
    for name, starts in yaml.safe_load(STARTS.read_text("utf-8")).items():
        said = recipes.text(name).partition("# Command")[0]
        said = re.sub(r"\s*#\s*", " ", said)
        weights = starts.get("weights")
        if weights == "imagenet":
            assert "ImageNet weights" in said
        for candidates in (
            *(weights.values() if isinstance(weights, dict) else [weights]),
            *starts.get("features", {}).values(),
        ):
            if isinstance(candidates, list):
                first = candidates[0]
                first = first if isinstance(first, str) else first["recipe"]
                assert first in said, name


def test_a_rehearsal_has_the_same_figures_of_tiny_networks():
    small = make_plan("ts_lstm", (5, 1), tiny=True)
    real = make_plan("ts_lstm", (5, 1))
    assert [f.row for f in small.figures] == [f.row for f in real.figures]
    for training in small.trainings()[1].values():
        assert training.recipe.name.endswith("_tiny")
        assert training.recipe.initialization.weights is None
        # What is trained before is there too, but no weights of files.
        assert not any(isinstance(p, Given) for p in training.weights.values())
        if not training.features:
            assert training.size == "short64"
    (lstm,) = [f for f in small.figures if f.row.row == "TS-LSTM"][1:]
    assert lstm.row.column == "HMDB51" and lstm.tests[1].training.weights
    stages = make_plan("stfn", (2,), tiny=True).trainings()[1].values()
    assert {t.recipe.name: t.recipe.initialization.frozen for t in stages} == {
        "stfn_stage1_hmdb51_tiny": ("rgb", "flow"),
        "stfn_stage1_ucf101_tiny": ("rgb", "flow"),
        **{
            f"{name}_{data}_tiny": ()
            for name in (
                "stfn_stage2",
                "two_stream_resnet101_stfn_rgb",
                "two_stream_resnet101_stfn_flow",
            )
            for data in ("ucf101", "hmdb51")
        },
    }
    assert make_plan("tsn", (4,), tiny=True).possible(BOTH, ())[1] == {}
    # It has no fully connected layers to fuse.
    last = only(
        "two_stream_fusion",
        2,
        "ReLU3 + ReLU5 + FC6",
        "UCF101 split 1",
        tiny=True,
    )
    arguments = last.tests[1].training.recipe.network.arguments
    assert arguments["fusion_layer"] == ["relu3", "relu5"]


def test_rows_and_tables_are_chosen_by_what_they_say():
    plan = make_plan("tsn", (1, 3), ("Pre-train", "Average"))
    assert {f.row.row for f in plan.figures} == {
        "Pre-train Spatial",
        "Average",
    }
    # One that is called so is meant alone.
    plan = make_plan("tsn", (4,), ("bn-inception",))
    assert {f.row.row for f in plan.figures} == {"BN-Inception"}
    plan = make_plan("tsn", (4,), ("+tsn",))
    assert {f.row.row for f in plan.figures} == {"BN-Inception+TSN"}
    # The paper prints these one below the other.
    plan = make_plan("tsn", (2,), ("RGB Difference",))
    assert [f.row.column for f in plan.figures] == ["RGB Difference"]
    with pytest.raises(ValueError, match=r"`table`.*\('1', '2'.*, '6'\).*='7'"):
        make_plan("tsn", (7,))
    with pytest.raises(ValueError, match="`row`.*'Max', 'Average'.*'Min'"):
        make_plan("tsn", (3,), ("Min",))
    with pytest.raises(ValueError, match="`paper`.*'stfn'.*'i3d'"):
        make_plan("i3d")
