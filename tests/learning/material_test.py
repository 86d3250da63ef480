"""What there is to learn from: parts, and what is odd."""

import dataclasses
import shutil

import pytest

from keras_vidrec.data import synthetic
from keras_vidrec.learning import Task
from keras_vidrec.learning import material as materials
from keras_vidrec.learning import plan as plans
from keras_vidrec.learning import steps
from tests.data import numbered_video


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Six recordings of each of three classes, 12 frames of 32 x 40."""
    directory = synthetic.generate(
        tmp_path_factory.mktemp("material"),
        train_groups=5,
        test_groups=1,
        clips_per_group=1,
        size=(32, 40),
        num_frames=12,
        classes=["Dots", "MoveUp", "Stripes"],
    )
    shutil.rmtree(directory / "ucfTrainTestlist")
    (directory / "synthetic.json").unlink()
    return directory


@pytest.fixture
def own(videos, tmp_path):
    return shutil.copytree(videos, tmp_path / "videos")


def look(directory, **values):
    return materials.look(Task(directory, **values), verbose=False)


def clips(directory, name):
    return sorted((directory / name).glob("*.avi"))


def of(material, part):
    labels = [material.catalog.labels[i] for i in getattr(material, part)]
    return [labels.count(label) for label in range(3)]


def test_every_class_has_clips_in_every_part(videos):
    material = look(videos)
    assert material.remarks == () and material.flip
    assert of(material, "test") == [2, 2, 2] or of(material, "test") == [1] * 3
    assert min(of(material, "validation")) == 1
    assert min(of(material, "train")) >= 3
    groups = material.catalog.groups
    parts = [
        {groups[i] for i in getattr(material, part)}
        for part in ("train", "validation", "test")
    ]
    assert not (parts[0] & parts[1] or parts[0] & parts[2])
    assert not parts[1] & parts[2]
    assert look(videos) == material
    assert look(videos, seed=1).test != material.test


def test_few_recordings_are_all_learned_from(own):
    for name in ("Dots", "MoveUp"):
        for path in clips(own, name)[2:]:
            path.unlink()
    material = look(own)
    assert material.test == () and len(material.learned_from) == 10
    assert any("no clip is held out" in line for line in material.remarks)
    plan = plans.make(Task(own), material)
    assert plan.names == ("features", "frozen", "recognizer")
    (why,) = plan.not_tried.values()
    assert why.startswith("it needs 4 training clips per class, here ")


def test_what_is_odd_is_told_with_what_follows(own):
    dots = clips(own, "Dots")
    for path in dots[1:]:
        path.unlink()
    (own / "Waving").mkdir()  # none of this class
    shutil.move(own / "MoveUp", own / "Turn left")
    up = clips(own, "Turn left")
    up[0].write_bytes(b"RIFF")  # cannot be read
    shutil.copy(up[1], own / "Stripes" / "v_Stripes_g09_c01.avi")
    material = look(own)
    told = "\n".join(material.remarks)
    for said in (
        "Folders without videos, which are not classes: 'Waving'",
        "Videos that cannot be read are left out: Turn left/",
        "The same video is in two classes, one of which is wrong: ",
        "Class names distinguish left and right: clips are not mirrored.",
        "Classes with a single clip, which are recognized only by "
        "similarity to it: "
        "Dots.",
        "Classes with few clips, while others have 7; they will be "
        "recognized less often: Dots.",
        "trained but not tested: Dots",
    ):
        assert said in told, said
    assert not material.flip
    labels = material.catalog.labels
    assert sum(labels[i] == 0 for i in material.train) == 1


def test_classes_that_a_mirror_turns_into_each_other(own):
    """In other words than left and right, too."""
    shutil.move(own / "MoveUp", own / "spin_cw")
    assert look(own).flip
    shutil.move(own / "Dots", own / "spin_ccw")
    assert not look(own).flip


def test_over_ten_times_as_many_clips_are_told_with_both_classes():
    """In one line, with what helps."""
    kinds = {"walk": (44, 9), "run": (20, 9), "fall": (4, 4)}
    (line,) = materials._uneven(kinds)
    assert line.startswith("Class 'walk' has 44 clips, class 'fall' 4: ")
    assert "More clips of rare classes help most" in line
    kinds["walk"] = (40, 9)
    (line,) = materials._uneven(kinds)
    assert line.startswith("Classes with few clips, while others have 40")


def test_files_are_told_without_settings_that_nobody_has(own, tmp_path):
    path = clips(own, "Dots")[0]
    numbered_video.write(path, 8, rate=50)
    material = look(own)
    (told,) = (line for line in material.remarks if "rates are mixed" in line)
    assert told.endswith("(1 video) frames a second.")
    # TSN's sampling would see the beginning of it alone.
    assert material.shortest == 8
    recipe = steps.Workplace(Task(own), material, tmp_path).recipe
    assert recipe("finetune_flow", None).clip["sampling"] == "uniform"
    longer = dataclasses.replace(material, shortest=16)
    recipe = steps.Workplace(Task(own), longer, tmp_path).recipe
    assert "sampling" not in recipe("finetune_flow", None).clip


def test_what_cannot_be_learned_from_is_refused(own, tmp_path):
    for path in [*clips(own, "Dots"), *clips(own, "MoveUp")]:
        path.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="at least two classes that can be"):
        look(own)
    for name in ("Dots", "MoveUp"):
        shutil.rmtree(own / name)
    with pytest.raises(ValueError, match="All clips are of one class"):
        look(own)
    with pytest.raises(ValueError, match="Invalid `videos`. Expected a direc"):
        look(tmp_path / "nowhere")


def test_parts_that_the_folders_name_are_kept(videos, tmp_path):
    for name in ("Dots", "Stripes"):
        for number, path in enumerate(clips(videos, name)):
            part = "test" if number < 3 else "train"
            (tmp_path / part / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / part / name)
    material = look(tmp_path)
    assert {material.catalog.videos[i][:4] for i in material.test} == {"test"}
    assert len(material.test) == 6
    assert len(material.train) == 4 and len(material.validation) == 2
