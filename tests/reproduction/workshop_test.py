import csv
import dataclasses
import re
import shutil

import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.data import opening
from keras_vidrec.data import synthetic
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import feature_extraction
from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reproduction import Workshop
from keras_vidrec.reproduction import collect
from keras_vidrec.reproduction import generate
from keras_vidrec.reproduction import make_plan
from keras_vidrec.reproduction import write
from keras_vidrec.reproduction.parts import Training
from keras_vidrec.reproduction.workshop import Missing
from keras_vidrec.training import network
from keras_vidrec.training import trainer
from keras_vidrec.training.callbacks.stop_on_nan import LossIsNaN
from keras_vidrec.training.run import Run

CLASSES = ("a", "b")
VIDEOS = ("a1", "a2", "a3", "b1")
LABELS = (0, 0, 0, 1)
GOOD = [[2, 0], [2, 0], [2, 0], [0, 2]]
# 3 of 4 videos, and the mean of 1 and 0 by class.
ALWAYS_A = [[1, 0]] * 4


def keep(workshop, tested, scores, **meta):
    """Scores of a run as a test leaves them."""
    run = workshop.run(tested.training)
    run.scores.mkdir(parents=True, exist_ok=True)
    recipe = tested.training.recipe.with_data(directory="data")
    run.recipe_file.write_text(recipe.to_yaml())
    values = np.array(scores, "float32")
    Scores(VIDEOS, values, LABELS, CLASSES, meta).save(
        run.scores / score_naming.file_name(tested.test, recipe.data)
    )


def weights_of(path, content):
    """Writes the file of a network. Returns its fingerprint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return freshness.fingerprint(path)


@pytest.fixture
def workshop(tmp_path):
    workshop = Workshop(tmp_path / "out", {})
    assert workshop.check(()) == {}
    return workshop


def figures(*arguments):
    return {(f.row.row, f.row.column): f for f in make_plan(*arguments).figures}


def test_figures_are_those_of_the_paper(workshop):
    """TSN prints the mean of classes; fused figures are of fused scores."""
    found = figures("tsn", (3,), ("Average",))
    fused = found["Average", "Two-Stream"]
    rgb, flow = fused.tests[1].members
    assert workshop.measured(fused) == {}
    keep(workshop, rgb, ALWAYS_A)
    assert workshop.measured(found["Average", "Spatial ConvNets"]) == {1: 50}
    assert workshop.measured(fused) == {}
    keep(workshop, flow, GOOD)
    assert workshop.measured(fused) == {1: 100}
    # Others print the share of videos.
    late = figures("two_stream_fusion", (3,))[
        "UCF101 split 1, VGG-16", "Spatial"
    ]
    keep(workshop, late.tests[1], ALWAYS_A)
    assert workshop.measured(late) == {1: 75}


def test_given_scores_are_fused_by_their_rule(workshop, tmp_path):
    ours = figures("st_multiplier", (5,))["Ours + IDT", "UCF101"]
    own = ours.tests[1].members[0]
    keep(workshop, own, [[0.9, 0]] * 4)
    # Large scores, which their norm makes 1.
    values = np.array(GOOD, "float32") * 100
    Scores(VIDEOS, values, LABELS, CLASSES).save(tmp_path / "idt-1.npz")
    given = {"idt_ucf101": tmp_path / "idt-{split}.npz"}
    beside = Workshop(tmp_path / "given", {}, given=given)
    keep(beside, own, [[0.9, 0]] * 4)
    assert beside.measured(ours) == {1: 100}
    fused = beside.scores(ours.tests[1], 1).scores
    np.testing.assert_allclose(fused[0], [(0.9 + 1) / 2, 0], atol=1e-6)
    assert workshop.measured(ours) == {}


def test_tables_beside_the_printed_ones(workshop):
    plan = make_plan("tsn", (5, 6))
    (last,) = [
        f for f in plan.figures if f.row.column == "Temporal Segment Networks"
    ]
    for tested, scores in zip(last.tests[1].members, (ALWAYS_A, GOOD)):
        keep(workshop, tested, scores)
    failed = last.tests[1].members[0].training.name
    workshop.failed = {failed: "loss is NaN | here"}
    found = collect(plan, workshop, ("ucf101",), ("bn_inception",))
    paths = write(found, "tsn", workshop.path, tiny=True)
    markdown, table, page = (path.read_text("utf-8") for path in paths)
    assert "A test run" in markdown and "A test run" in page
    rows = [*csv.DictReader(table.splitlines())]
    assert {row["table"] for row in rows} == {"5", "6"}
    by_cell = {(row["row"], row["column"]): row for row in rows}
    done = by_cell["Accuracy", "Temporal Segment Networks"]
    assert (done["paper"], done["here"]) == ("93.5", "100.0000")
    assert done["difference"] == "6.5000" and done["by_split"] == "1:100.0000"
    assert len(done["runs"].split()) == 2
    assert done["made"] == (
        "(1 x tsn_rgb_ucf101_paper@25x10 + 1.5 x tsn_flow_ucf101_paper@25x10, "
        "of logits)"
    )
    # One of three splits; no data; somebody else's.
    part = by_cell["TSN (2 modalities)", "UCF101"]
    assert (part["here"], part["splits"]) == ("100.0000", "1 2 3")
    assert part["difference"] == ""
    lacking = by_cell["TSN (2 modalities)", "HMDB51"]
    assert lacking["here"] == "" and "--data hmdb51=DIR" in lacking["remark"]
    assert by_cell["LTC [19]", "UCF101"]["remark"] == "quoted by the paper"
    line = re.search(r"^\| Accuracy \|.*$", markdown, re.M)[0]
    assert line.endswith("| 93.5 | 100.00 |") and "| 90.0 | \u2013 |" in line
    assert "| LTC [19] (others) | 64.8 | \u2013 | 91.7 | \u2013 |" in markdown
    assert "| 94.0 | 100.00 (1 of 3) |" in markdown
    assert "loss is NaN" in markdown
    assert page.count("<table>") == 2 and "100.00 (1 of 3)" in page
    assert "LTC [19] (others)" in page and "\u2013" in page


def test_a_training_that_diverges_is_named(tmp_path, monkeypatch):
    recipes = []

    def diverge(recipe, directory, **_):
        recipes.append(recipe)
        raise LossIsNaN("the loss is NaN")

    monkeypatch.setattr(trainer, "train", diverge)
    given = {"brox_ucf101": tmp_path, "resnet101_caffe": tmp_path}
    workshop = Workshop(tmp_path / "out", {}, given=given)
    brox = figures("ts_lstm", (1,))["Brox, ResNet-101", "UCF101 split 1"]
    said = []
    assert not workshop.make(brox, said.append)
    (name,) = workshop.failed
    assert said == [f"Train {name}"] and workshop.failed[name] == (
        "the loss is NaN"
    )
    # It would be on what was given, from what was given.
    (recipe,) = recipes
    assert recipe.data.directory == str(tmp_path)
    assert recipe.initialization.weights == str(tmp_path)
    assert not workshop.make(brox, said.append) and len(recipes) == 1
    assert workshop.measured(brox) == {}


def test_a_training_is_tested_in_several_ways(workshop, monkeypatch):
    """A network of one stream on 5 frames, and on 20 for table 5; what it said
    before it was trained again does not count."""
    row = "UCF101 split 1, VGG-16", "Spatial"
    five = figures("two_stream_fusion", (3,))[row]
    row = "Two-Stream ConvNet (VGG-16, ours)", "UCF101"
    fused = figures("two_stream_fusion", (5,))[row].tests[1]
    tested, twenty = five.tests[1], fused.members[0]
    assert tested.training.name == twenty.training.name
    model_file = workshop.run(tested.training).model_file
    keep(workshop, tested, ALWAYS_A, model=weights_of(model_file, b"before"))
    assert workshop.measured(five) == {1: 75}
    with pytest.raises(Missing, match="20xframe_and_mirror-spread is not"):
        workshop.scores(twenty, 1)
    keep(workshop, twenty, GOOD, model=freshness.fingerprint(model_file))
    np.testing.assert_array_equal(workshop.scores(twenty, 1).scores, GOOD)
    # Trained again.
    weights_of(model_file, b"another")
    again = Workshop(workshop.path, {})
    assert not again.measured(five)
    tests = []
    monkeypatch.setattr(
        evaluator, "evaluate", lambda *_, protocol, **__: tests.append(protocol)
    )
    said = []
    assert again.make(five, said.append)
    assert tests == [tested.test] and said == [f"Test {tested.name}"]
    # Of no network that there is.
    model_file.unlink()
    assert not again.measured(five)
    # A training again forgets what was read.
    weights_of(model_file, b"before")
    assert again.measured(five) == {1: 75}
    weights_of(model_file, b"another")
    again.forget(tested.training)
    assert not again.measured(five)
    name = tested.training.name
    assert again.leftovers(()) == (name,) and not again.leftovers({name})


def test_what_is_given_is_checked_before_anything_is_made(tmp_path):
    ours = figures("st_multiplier", (5,))["Ours + IDT", "UCF101"]
    scores = tmp_path / "idt-1.npz"
    scores.write_text("no scores")
    given = {"idt_ucf101": tmp_path / "idt-{split}.npz"}
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="--given idt_ucf101: .*idt-1.npz"):
        Workshop(out, {}, given=given).check([ours])
    values = np.array(GOOD, "float32")
    Scores(VIDEOS, values, LABELS, CLASSES).save(scores)
    # One file is not of three splits.
    with pytest.raises(ValueError, match=r"\{split\} in place.*splits 1, 2, 3"):
        Workshop(out, {}, given={"idt_ucf101": scores}).check([ours])
    # Those of the second split are not there.
    with pytest.raises(ValueError, match="idt_ucf101. Received: .*idt-2.npz"):
        Workshop(out, {}, given=given).check([ours])
    rgb = figures("tsn", (3,))["Average", "Spatial ConvNets"]
    file = tmp_path / "bn.keras"
    with_file = Workshop(out, {}, given={"bn_inception": file})
    with pytest.raises(ValueError, match="bn_inception. Received: .*bn.keras"):
        with_file.check([rgb])
    # A path is the same however it is written.
    values_of = tmp_path / "out" / ".." / "idt-{split}.npz"
    assert Workshop(out, {}, given={"idt_ucf101": values_of}).given == {
        "idt_ucf101": str(tmp_path / "idt-{split}.npz")
    }
    # Nothing is bound yet: what was wrong can be put right.
    assert not out.exists()
    keras_vidrec.applications.TSN(backbone="tiny", classes=2).save(file)
    with pytest.raises(ValueError, match="--given bn_inception: .*tiny"):
        with_file.check([rgb])


def test_data_has_the_splits_and_streams_that_are_needed(tmp_path, caplog):
    """Before the first split is trained, and not after it."""
    videos = synthetic.generate(
        tmp_path / "videos",
        train_groups=1,
        test_groups=1,
        clips_per_group=1,
        classes=("Dots", "Stripes"),
    )
    given = {"bn_inception": tmp_path}
    late = figures("tsn", (6,))["TSN (2 modalities)", "UCF101"]
    workshop = Workshop(tmp_path / "out", {"ucf101": videos}, given=given)
    with pytest.raises(ValueError, match=r"UCF101 .*videos, without \[2, 3\]"):
        workshop.check([late])
    prepared = tmp_path / "prepared"
    frames = Preparation(flow="none", size="short64")
    prepare(
        opening.open_dataset(videos, images_only=True).catalog,
        prepared,
        frames,
        workers=1,
    )
    scratch = figures("tsn", (1,))
    rgb = scratch["From Scratch", "Spatial ConvNets"]
    flow = scratch["From Scratch", "Temporal ConvNets"]
    workshop = Workshop(tmp_path / "out", {"ucf101": prepared})
    with pytest.raises(ValueError, match=r"UCF101 .*, without \['flow'\]"):
        workshop.check([rgb, flow])
    assert workshop.check([rgb]) == {}
    assert "prepared has 2 classes, but UCF101 has 101" in caplog.text


def test_weights_that_keras_cannot_get_are_told_first(tmp_path, monkeypatch):
    def offline(recipe, class_names):
        assert recipe.initialization.weights == "imagenet"
        raise OSError("no way\nout")

    monkeypatch.setattr(network, "build", offline)
    plan = make_plan("two_stream_fusion", (3,), ("UCF101 split 1, VGG-16",))
    workshop = Workshop(tmp_path / "out", {})
    lost = workshop.check(plan.figures)
    assert lost == {"vgg16": "no way out"}
    possible, lacks = plan.possible(("ucf101",), (), lost)
    assert not possible.figures and len(lacks) == 3
    for (line,) in lacks.values():
        assert line.startswith("--given vgg16=PATH: ImageNet's weights of")
        assert line.endswith("Keras cannot download them: no way out")
    # Not of what is trained already.
    for figure in plan.figures:
        for part in figure.parts():
            if isinstance(part, Training):
                file = workshop.run(part).model_file
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
    assert workshop.check(plan.figures) == {}


def test_a_directory_is_of_one_reproduction(tmp_path):
    out, videos = tmp_path / "out", tmp_path / "videos"
    videos.mkdir()
    Workshop(out, {"ucf101": videos}).check(())
    # Another data set may come later, and is remembered.
    Workshop(out, {"hmdb51": videos}).check(())
    with pytest.raises(ValueError, match="`data`.*as before in .*out"):
        Workshop(out, {"hmdb51": tmp_path})
    with pytest.raises(ValueError, match="`tiny`.*False, as before.*=True"):
        Workshop(out, {}, tiny=True)
    with pytest.raises(ValueError, match="`flow`.*tvl1.*='dis'"):
        Workshop(out, {}, flow="dis")
    # Other split files would have no effect on what is prepared.
    with pytest.raises(ValueError, match="`splits`.*None.*as before in .*out"):
        Workshop(out, {"ucf101": videos}, {"ucf101": tmp_path})
    (videos / "a.txt").write_text("mine")
    with pytest.raises(ValueError, match="contains something else"):
        Workshop(videos, {})


def test_initial_weights_stay_the_same(tmp_path, monkeypatch):
    """A file may neither come nor go between the trainings of a figure."""
    monkeypatch.setattr(network, "build", lambda recipe, names: None)
    plan = make_plan("two_stream_fusion", (3,), ("UCF101 split 1, VGG-16",))
    rgb = plan.figures[0]
    file = tmp_path / "vgg16.keras"
    file.touch()
    keras_out, given_out = tmp_path / "keras", tmp_path / "given"
    Workshop(keras_out, {}).check([rgb])
    with pytest.raises(ValueError, match="'vgg16': 'imagenet'.*as before"):
        Workshop(keras_out, {}, given={"vgg16": file})
    Workshop(given_out, {}, given={"vgg16": file}).check([rgb])
    with pytest.raises(ValueError, match="--given vgg16.*keras, as before"):
        Workshop(given_out, {}).check([rgb])


def test_what_was_made_from_an_earlier_network_is_named(workshop, monkeypatch):
    """A network that starts from another one, which is trained again later."""
    row = "UCF101 split 1, VGG-16", "Temporal"
    first = figures("two_stream_fusion", (3,))[row]
    row = "HMDB51 split 1, VGG-16", "Temporal"
    second = figures("two_stream_fusion", (3,))[row]
    start, child = (one.tests[1].training for one in (first, second))
    assert [start.name] == [one.name for one in child.weights.values()]
    content = [b"first"]

    def train(recipe, directory, **_):
        weights_of(directory / "model.keras", content[0])
        (directory / "recipe.yaml").write_text(recipe.to_yaml())

    monkeypatch.setattr(trainer, "train", train)
    monkeypatch.setattr(evaluator, "evaluate", lambda *_, **__: None)
    monkeypatch.setattr(
        Workshop, "_prepared", lambda self, *_: (self.path / "data", None)
    )
    assert workshop.make(second, print)
    model = freshness.fingerprint(workshop.run(child).model_file)
    keep(workshop, second.tests[1], GOOD, model=model)
    assert workshop.measured(second) == {1: 100}
    # The start is trained again, to another network.
    workshop.run(start).model_file.unlink()
    content[0] = b"other"
    assert workshop.make(first, print)
    again = Workshop(workshop.path, {})
    assert again.measured(second) == {} and not again.make(second, print)
    (reason,) = again.reasons(second)
    assert f"{child.name}: it was made from an earlier network of " in reason
    assert f"{start.name}; remove {again.run(child).path} to" in reason
    assert again.reasons(first) == ()
    shutil.rmtree(workshop.run(child).path)
    again = Workshop(workshop.path, {})
    assert again.make(second, print) and not again.reasons(second)


def test_what_features_were_made_from_is_remembered(workshop, monkeypatch):
    """The features and the network that was trained on them."""
    row = "3, BN, Max + 512, BN, 101", "UCF101 split 1"
    figure = figures("ts_lstm", (3,))[row]
    head = figure.tests[1].training
    tower = head.features.networks["rgb"]
    place = workshop.path / "features" / head.features.name
    content = [b"first"]

    def train(recipe, directory, **_):
        weights_of(directory / "model.keras", content[0])

    def extract(networks, opened, out, **_):
        out.mkdir(parents=True)
        (out / "dataset.json").touch()

    monkeypatch.setattr(trainer, "train", train)
    monkeypatch.setattr(evaluator, "evaluate", lambda *_, **__: None)
    monkeypatch.setattr(feature_extraction, "extract", extract)
    monkeypatch.setattr(opening, "open_dataset", lambda *_, **__: None)
    monkeypatch.setattr(Run, "load_model", lambda self: None)
    monkeypatch.setattr(
        Workshop, "_prepared", lambda self, *_: (self.path / "data", None)
    )
    assert workshop.make(figure, print)
    content[0] = b"other"
    workshop.run(tower).model_file.unlink()
    again = Workshop(workshop.path, {})
    assert not again.make(figure, print)
    reasons = again.reasons(figure)
    assert [reason.partition(":")[0] for reason in reasons] == [
        head.features.name,
        head.name,
    ]
    # Features that are made again do not make the network that was trained on
    # the earlier ones a new one.
    shutil.rmtree(place)
    again = Workshop(workshop.path, {})
    assert not again.make(figure, print)
    (reason,) = again.reasons(figure)
    assert reason.startswith(head.name)


def test_fewer_videos_than_listed_are_told(tmp_path):
    """A list of 4 test videos; one of them was not tested. Another dataset,
    whose network it starts from, has a list of 3, because a file is gone."""
    other = generate(tmp_path / "other")
    next(other.glob("Stripes/*_g01_*.avi")).unlink()
    videos = generate(tmp_path / "videos")
    data = {"hmdb51": videos, "ucf101": other}
    row = "HMDB51 split 1, VGG-16", "Temporal"
    figure = figures("two_stream_fusion", (3,))[row]
    workshop = Workshop(tmp_path / "out", data)
    workshop.check(())
    keep(workshop, figure.tests[1], GOOD)
    assert workshop.incomplete(figure, [1]) == ()
    scores = workshop.scores(figure.tests[1], 1)
    few = dataclasses.replace(
        scores,
        videos=scores.videos[1:],
        scores=scores.scores[1:],
        labels=scores.labels[1:],
    )
    run = workshop.run(figure.tests[1].training)
    few.save(next(run.scores.iterdir()))
    workshop = Workshop(tmp_path / "out", data)
    told = ("split 1: on 3 of the 4 test videos",)
    assert workshop.incomplete(figure, [1]) == told
    plan = make_plan("two_stream_fusion", (3,))
    (line,) = [
        line
        for line in collect(plan, workshop, ("ucf101", "hmdb51"), ())
        if line.row == figure.row
    ]
    assert line.remark == told[0] and line.by_split
    row = "UCF101 split 1, VGG-16", "Temporal"
    figure = figures("two_stream_fusion", (3,))[row]
    keep(workshop, figure.tests[1], GOOD)
    (told,) = workshop.incomplete(figure, [1])
    assert told == f"1 listed video of {other} missing or not prepared"
