import shutil

import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.specs import FrameSpec
from keras_vidrec.training import dataset
from keras_vidrec.training import recipes
from tests.cli.command import vidrec
from tests.data.frame_images import write_flow
from tests.data.frame_images import write_frames


@pytest.fixture
def recipe(small_videos):
    return recipes.get("quickstart_rgb").with_data(directory=small_videos)


def test_the_parts_of_a_split(recipe):
    data = dataset.load(recipe)
    assert (len(data.train), len(data.test)) == (24, 12)
    assert data.validation == () and data.problems == ()
    assert not set(data.train) & set(data.test)
    assert len(data.source.classes) == 12


def test_validation_comes_out_of_the_training_groups(recipe):
    whole = dataset.load(recipe)
    data = dataset.load(recipe.with_settings(["validation.fraction=0.5"]))
    assert data.test == whole.test
    assert sorted(data.train + data.validation) == sorted(whole.train)
    groups = [
        {data.source.groups[i] for i in part}
        for part in (data.train, data.validation)
    ]
    assert groups[1] and not groups[0] & groups[1]


@pytest.fixture
def listed(recipe, small_videos, tmp_path):
    """The recipe on a list of which the parts of the first clips are given,
    `train` for the others."""

    def make(*parts):
        clips = sorted(
            p.relative_to(small_videos) for p in small_videos.rglob("*.avi")
        )
        rows = [
            f"{clip},{clip.name.split('_')[1]},{part}\n"
            for clip, part in zip(clips, (*parts, *["train"] * len(clips)))
        ]
        path = tmp_path / "list.csv"
        path.write_text("path,label,split\n" + "".join(rows))
        return recipe.with_data(list=path)

    return make


def test_the_listed_validation_part(listed, tmp_path):
    recipe = listed("val", "val", "test")
    data = dataset.load(recipe.with_settings(["validation=listed"]))
    assert data.validation == (0, 1) and data.test == (2,)
    assert len(data.train) == 33
    assert data.problems[0].startswith("list.csv: separated by commas")
    assert not [p for p in data.problems if "validation" in p]
    # A recipe that does not want it says so.
    data = dataset.load(recipe)
    assert data.validation == () and len(data.train) == 33
    assert "validation part (2 videos) is not used" in data.problems[-1]
    # It is what is tested where there is nothing else.
    data = dataset.load(listed("val"))
    assert data.test == (0,) and data.validation == ()
    assert data.problems[-1].startswith("There is no test part")
    data = dataset.load(listed("val").with_settings(["validation=listed"]))
    assert data.test == data.validation == (0,)
    assert "which also selects the epoch" in data.problems[-1]
    with pytest.raises(ValueError, match="name a validation part"):
        dataset.load(listed("test").with_settings(["validation=listed"]))


def test_a_validation_part_wherever_there_can_be_one(recipe, listed):
    """The listed one, a share of the training groups, or none."""
    wanted = ["validation.fraction=0.5", "validation.auto=true"]
    data = dataset.load(listed("val", "test").with_settings(wanted))
    assert data.validation == (0,) and len(data.train) == 34
    data = dataset.load(recipe.with_settings(wanted))
    assert len(data.validation) == len(data.train) == 12
    few = listed(*["train", "test", "test"] * 12)  # one of each class
    data = dataset.load(few.with_settings(wanted))
    assert data.validation == () and len(data.train) == 12
    assert "There is no validation part" in data.problems[-1]
    with pytest.raises(ValueError, match="Cannot hold out a validation part"):
        dataset.load(few.with_settings([*wanted, "schedule.early_stop=2"]))
    assert (
        dataset.load(
            listed("val").with_settings([*wanted, "validation.fraction=0"])
        ).validation
        == ()
    )


def test_prepared_datasets_keep_the_listed_validation_part(
    listed, small_videos, tmp_path
):
    recipe = listed("val", "test", "none")
    opened = opening.open_dataset(small_videos, videos_list=recipe.data.list)
    out = tmp_path / "prepared"
    preparation = Preparation(flow="none", size="40x32")
    prepare(opened.catalog, out, preparation, workers=1)
    recipe = recipe.with_data(directory=out).with_settings(
        ["validation=listed", "data.list=null"]
    )
    data = dataset.load(recipe)
    assert (data.validation, data.test, len(data.train)) == ((0,), (1,), 33)


def test_background_of_videos_and_prepared(recipe, small_videos, tmp_path):
    clips = sorted(small_videos.rglob("*.avi"))[:4]
    labels = ("run,train", "jump,train", "run,test", "jump,test")
    rows = [
        f"{clip.relative_to(small_videos)},{label},2,7"
        for clip, label in zip(clips, labels)
    ]
    videos_list = tmp_path / "list.csv"
    header = "path,label,split,start_frame,end_frame"
    videos_list.write_text("\n".join([header, *rows, ""]))
    recipe = recipe.with_data(list=videos_list, background=True)
    data = dataset.load(recipe)
    assert data.source.classes == ("jump", "run", "background")
    assert (data.train, data.test) == ((0, 1, 4, 5), (2, 3, 6, 7))
    # 2 frames before are too few, the 5 behind are as many as most have.
    assert {data.source.num_frames(i, "rgb") for i in range(8)} == {5}
    out = tmp_path / "prepared"
    vidrec(
        "prepare", "list", "--videos", small_videos, "--list", videos_list,
        "--out", out, "--flow=none", "--background", "--workers=1",
    )  # fmt: skip
    prepared = recipe.with_data(directory=out).with_settings(
        ["data.list=null", "data.background=false"]
    )
    again = dataset.load(prepared)
    assert again.source.videos == data.source.videos
    assert again.source.labels == data.source.labels
    with pytest.raises(ValueError, match="by `vidrec prepare --background`"):
        dataset.load(prepared.with_data(background=True))


@pytest.mark.parametrize(
    "setting, message",
    [
        ("data.directory=null", "data.directory=None"),
        ("data.split=2", r"`data.split`. Expected one of \(1,\).*data.split=2"),
        ("data.layout=hmdb51", "hmdb51"),
    ],
)
def test_what_is_not_there(recipe, setting, message):
    with pytest.raises(ValueError, match=message):
        dataset.load(recipe.with_settings([setting]))


DIS = "clip.flow={method: dis}"
FLOW = "network.arguments.modality=flow"
TWO_STREAMS = ["network.application=TwoStreamFusion", "network.arguments={}"]


@pytest.fixture(scope="module")
def prepared(small_videos, tmp_path_factory):
    """The videos of `small_videos`, with flow by DIS."""
    out = tmp_path_factory.mktemp("prepared")
    preparation = Preparation(flow="dis", size="short32")
    prepare(catalog.discover(small_videos), out, preparation, workers=1)
    return out


def test_a_prepared_dataset(recipe, prepared):
    videos = dataset.load(recipe)
    recipe = recipe.with_data(directory=prepared)
    data = dataset.load(recipe.with_settings([FLOW]))
    names = [
        [[d.source.videos[i] for i in part] for part in (d.train, d.test)]
        for d in (videos, data)
    ]
    assert names[0] == names[1]
    assert data.source.read(0, "flow", [0]).shape == (1, 32, 40, 2)
    # How its flow was made goes into the recipe, and so into the network.
    flow = {"method": "dis", "bound": 20.0}
    assert data.recipe.clip["flow"] == flow
    assert data.recipe == recipe.with_settings(
        [FLOW, "clip.flow={method: dis, bound: 20.0}"]
    )
    assert dataset.load(data.recipe).recipe == data.recipe
    # One of two streams sees it too.
    two = recipe.with_settings([*TWO_STREAMS, "clip.flow={method: dis}"])
    assert dataset.load(two).recipe.clip["flow"] == flow
    # A network that sees no flow has nothing to do with it.
    assert dataset.load(recipe).recipe == recipe


@pytest.mark.parametrize(
    "settings, message",
    [
        (["network.arguments.modality=warped_flow"], "with warped_flow"),
        (
            [*TWO_STREAMS, "clip.flow={method: tvl1}"],
            "flow with method=tvl1, as .*, prepared with method=dis",
        ),
        (
            [FLOW, "clip.flow={method: tvl1}"],
            "flow with method=tvl1, as .*, prepared with method=dis",
        ),
        (
            [FLOW, "clip.flow={method: dis, bound: 32}"],
            "bound=32, as .* bound=20.0; prepare it again, or state "
            "clip.flow={method: dis, bound: 20.0}",
        ),
    ],
)
def test_flow_that_the_network_does_not_want(
    recipe, prepared, settings, message
):
    recipe = recipe.with_data(directory=prepared)
    with pytest.raises(ValueError, match=message):
        dataset.load(recipe.with_settings(settings))


def test_flow_that_is_no_mapping(recipe):
    with pytest.raises(ValueError, match="Received: clip.flow='dis'"):
        dataset.load(recipe.with_settings(["clip.flow=dis"]))
    with pytest.raises(ValueError, match=r"Received: \['metod'\]"):
        dataset.load(recipe.with_settings(["clip.flow={metod: dis}"]))


def test_flow_of_videos_is_made_as_the_recipe_says(recipe):
    found = [
        dataset.load(recipe.with_settings([*sees, method]))
        for sees, method in (
            ([FLOW], DIS),
            (TWO_STREAMS, "clip.flow={method: farneback}"),
        )
    ]
    flows = [
        data.source.seen_as(FrameSpec()).read(0, "flow", [3]) for data in found
    ]
    assert np.abs(np.subtract(*flows, dtype=int)).max() > 1
    # That takes long in training, which the user should know.
    assert all("vidrec prepare" in data.problems[-1] for data in found)


def test_frame_folders(recipe, tmp_path):
    for name in ("run/a", "run/b", "walk/a", "walk/b"):
        write_frames(tmp_path / name, 4)
    recipe = recipe.with_data(directory=tmp_path)
    data = dataset.load(recipe)
    assert data.source.classes == ("run", "walk")
    assert (len(data.train), len(data.test)) == (2, 2)
    with pytest.raises(ValueError, match=r"with flow.*\('rgb', 'rgb_diff'\)"):
        dataset.load(recipe.with_settings([FLOW]))
    with pytest.raises(ValueError, match="with flow"):
        dataset.load(recipe.with_settings(TWO_STREAMS))
    for name in ("run/a", "run/b", "walk/a", "walk/b"):
        write_flow(tmp_path / name, 3)
    data = dataset.load(recipe.with_settings([FLOW]))
    assert data.source.num_frames(0, "flow") == 3
    assert "flow" not in data.recipe.clip  # nobody knows


def test_damaged_clips_are_left_out_unless_they_are_kept(
    small_videos, tmp_path
):
    rows = ["path,label,split"]
    for name in ("MoveLeft", "MoveRight"):
        for path in sorted((small_videos / name).glob("*.avi")):
            shutil.copy(path, tmp_path)
            rows.append(f"{path.name},{name},train")
    for row in (1, 4):
        path = tmp_path / rows[row].split(",")[0]
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 8])
    lost = [rows[1].split(",")[0], rows[4].split(",")[0]]
    rows[4] = rows[4].replace("train", "val")
    rows[6] = rows[6].replace("train", "test")

    def load(*settings):
        (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
        recipe = recipes.get("quickstart_rgb").with_settings(settings)
        return dataset.load(
            recipe.with_data(directory=tmp_path, list=tmp_path / "list.csv")
        )

    data = load("validation=listed")
    sound = dataset.without_damaged(data)
    # Where it is measured, it is named and stays.
    assert (len(data.train), len(sound.train)) == (4, 3)
    assert sound.validation == data.validation == (3,)
    assert not {data.source.videos[i] for i in sound.train} & {*lost}
    told = sound.problems[len(data.problems) :]
    assert told[0].startswith(
        "Damaged clips are excluded from training: 1 (data."
    )
    assert told[1].startswith(f"{lost[0]}: ") and "are cut off" in told[1]
    assert told[2:3] == ("Damaged clips are used in training: 1.",)
    assert told[3].startswith(f"{lost[1]}: ")
    assert dataset.test_remarks(data) == []
    rows[4], rows[6] = (
        rows[4].replace("val", "test"),
        rows[6].replace("test", "train"),
    )
    (named, clip, *_) = dataset.test_remarks(load())
    assert named == "Damaged clips are tested: 1." and lost[1] in clip

    kept = dataset.without_damaged(load("data.keep_damaged=true"))
    assert len(kept.train) == 5
    assert "Damaged clips are used in training: 1." in kept.problems
    rows[1:] = [rows[1], rows[4].replace("test", "train")]
    with pytest.raises(ValueError, match="all of whose 2 training videos are"):
        dataset.without_damaged(load())
