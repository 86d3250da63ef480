import dataclasses
import pathlib

import pytest
import yaml

from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes.phase import Phase
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.schedule import Schedule

SMALL = Recipe(name="small", schedule=Schedule(epochs=3))


@pytest.mark.parametrize("recipe", recipes.RECIPES.values(), ids=str)
def test_yaml_both_ways(recipe):
    text = recipe.to_yaml()
    assert Recipe.from_yaml(text) == recipe
    assert Recipe.from_yaml(text).to_yaml() == text


def test_settings_change_single_values_of_the_right_type():
    changed = SMALL.with_settings(
        [
            "optimizer.learning_rate=1e-4",
            "optimizer.clip_norm=20",
            "network.arguments.backbone=resnet50",
            "clip.size=112",
            "schedule.epochs=null",
            "schedule.steps=40",
            "schedule.kind=step",
            "schedule.boundaries=[10, 20]",
            "augmentation.flip=false",
        ]
    )
    assert changed.optimizer.learning_rate == 1e-4
    assert changed.optimizer.clip_norm == 20
    assert changed.network.arguments == {"backbone": "resnet50"}
    assert changed.clip == {"size": 112}
    assert changed.schedule == Schedule(
        steps=40, kind="step", boundaries=(10, 20)
    )
    assert changed.augmentation == Augmentation((Crop(),))
    assert SMALL.optimizer.learning_rate == 1e-3  # the original stays
    # Mappings within free ones need not be there.
    changed = SMALL.with_settings(
        [
            "clip.flow.method=dis",
            "clip.flow.bound=16",
            "network.arguments.a.b=1",
        ]
    )
    assert changed.clip["flow"] == {"method": "dis", "bound": 16}
    assert changed.network.arguments["a"] == {"b": 1}


def test_a_step_that_is_there_twice_has_a_number():
    twice = SMALL.with_settings(
        ["augmentation=[crop, flip, color_jitter, flip]"]
    )
    with pytest.raises(
        ValueError,
        match=r"there are several: augmentation\[1\], augmentation\[3\]",
    ):
        twice.with_settings(["augmentation.flip=0.1"])
    changed = twice.with_settings(["augmentation[3].probability=0.1"])
    assert changed.augmentation.steps[3].probability == 0.1


def test_a_classifier_that_is_worked_out_mixes_no_clips():
    with pytest.raises(ValueError, match="nothing is trained.*'mixup'"):
        recipes.get("frozen_rgb").with_settings(["augmentation.mixup=true"])


def test_settings_of_single_steps():
    def steps(*settings):
        return SMALL.with_settings(settings).augmentation.to_list()

    crop, flip = SMALL.augmentation.to_list()
    assert (crop, flip) == (
        {"crop": {"policy": "tsn"}},
        {"flip": {"probability": 0.5}},
    )
    rarely = {"flip": {"probability": 0.1}}
    for setting in (
        "augmentation.flip.probability=1e-1",
        "augmentation.flip=0.1",
        "augmentation[1].probability=0.1",
        "augmentation[1].flip.probability=0.1",
        "augmentation[1]={flip: 0.1}",
    ):
        assert steps(setting) == [crop, rarely]
    assert steps("augmentation.flip=false") == [crop]
    assert steps("augmentation.flip=null") == [crop]
    assert steps("augmentation.mixup=false") == [crop, flip]
    assert steps("augmentation.crop.scales=[1.0]", "augmentation=[crop]") == [
        crop
    ]
    assert steps("augmentation.crop=center")[0] == {
        "crop": {"policy": "center"}
    }
    # What is set at once need not be right one by one.
    assert steps("augmentation=[crop, {flip: 1}]", "augmentation.mixup=1") == [
        crop,
        {"flip": {"probability": 1}},
        {"mixup": {"alpha": 1, "probability": 1.0}},
    ]
    jitter = {"policy": "jitter25", "border": 0.1}
    assert steps(
        "augmentation.crop.border=0.1", "augmentation.crop.policy=jitter25"
    )[0] == {"crop": jitter}
    # New ones come last, before those that mix clips.
    more = steps(
        "augmentation.mixup=true",
        "augmentation.color_jitter.strength=0.2",
        "augmentation.cutmix=0.5",
    )
    assert [[*one][0] for one in more] == [
        "crop",
        "flip",
        "color_jitter",
        "mixup",
        "cutmix",
    ]
    assert more[2:] == [
        {"color_jitter": {"strength": 0.2}},
        {"mixup": {"alpha": 0.2, "probability": 1.0}},
        {"cutmix": {"alpha": 0.5, "probability": 1.0}},
    ]


PHASES = SMALL.with_settings(
    [
        "schedule.epochs=null",
        "schedule.phases=[{trained: head, epochs: 3}, "
        "{epochs: 5, learning_rate: 5e-4}]",
    ]
)


def test_phases_and_single_values_of_them():
    assert PHASES.schedule == Schedule(
        phases=(Phase(3, trained="head"), Phase(5, 5e-4))
    )
    assert Recipe.from_yaml(PHASES.to_yaml()) == PHASES
    changed = PHASES.with_settings(
        ["schedule.phases[1].epochs=1", "schedule.phases[0].trained=[fc*, rgb]"]
    )
    assert changed.schedule.phases == (
        Phase(3, trained=("fc*", "rgb")),
        Phase(1, 5e-4),
    )
    plain = PHASES.with_settings(["schedule.phases=[]", "schedule.epochs=3"])
    assert plain == SMALL


@pytest.mark.parametrize(
    "setting, message",
    [
        ("epochs=3", "null beside phases.*phases=.. leaves.*schedule.epochs=3"),
        ("steps=3", "null beside phases.*phases=.. leaves.*schedule.steps=3"),
        ("kind=cosine", '"constant" beside phases.*schedule.kind=.cosine'),
        ("boundaries=[1]", "boundaries"),
        ("phases=[]", "where there are neither steps nor phases.*epochs=None"),
        ("phases=2", "a list of phases. Received: schedule.phases=2"),
        ("phases=[2]", "mapping for 'schedule.phases.0.'"),
        ("phases=[{trained: all}]", "key 'schedule.phases.0..epochs'"),
        ("phases[0].epoch=1", "mean 'schedule.phases.0..epochs'"),
        ("phases[1].epochs=0", "phases.1..epochs`. Expected a positive int"),
        ("phases[1].learning_rate=0", "phases.1..learning_rate.*positive"),
        (
            "phases[0].learning_rate=1",
            "phases.0..learning_rate`. Expected null: .* section `optimizer`",
        ),
        ("phases[0].trained=fc6", "phases.0..trained.*'all', 'head'.*'fc6'"),
        ("phases[0].trained=[a, a]", "list of different names of layers"),
        ("phases[0].trained=[all, fc6]", "alone, or a list of different"),
        (
            "phases[-1].epochs=2",
            "counted from 0. Received: schedule.phases.-1.",
        ),
        ("phases[0].trained=[]", "list of different names of layers"),
        ("phases[0].frozen=fc6", "phases.0..frozen`. Expected a list of diff"),
        ("phases[0].frozen=[a, a]", "phases.0..frozen`. Expected a list of d"),
        ("freeze={backbone: 2}", "freeze`. Expected {} with phases"),
        ("freeze={backbone: 0}", "freeze`. Expected a mapping from parts that"),
        ("freeze={backbone: 2 steps}", "Expected a mapping from parts that"),
        ("freeze=[backbone]", "freeze`. Expected a mapping from parts that"),
        ("phases[2].epochs=1", "one of the 2 values of schedule.phases"),
        ("phases[x].epochs=1", "Unknown recipe key 'schedule.phases.x.'"),
    ],
)
def test_invalid_phases(setting, message):
    with pytest.raises(ValueError, match=message):
        PHASES.with_settings([f"schedule.{setting}"])


@pytest.mark.parametrize(
    "setting, message",
    [
        ("optimizer.learning_rat=1", "Did you mean 'optimizer.learning_rate'"),
        ("optimiser.momentum=0", "Did you mean 'optimizer'"),
        ("clip.sise=112", "Did you mean 'clip.size'"),
        ("clip.flaw.method=dis", "Did you mean 'clip.flow'"),
        ("schedule.rate.start=1", "Unknown recipe key 'schedule.rate'"),
        ("seed.x=1", "'seed' is the single value 0"),
        ("seed", "section.key=value. Received: 'seed'"),
        ("seed=[", "YAML value"),
        ("seed=-1", "`seed`. Expected a non-negative.*Received: seed=-1"),
        ("optimizer.batch_size=2.5", "positive integer.*batch_size=2.5"),
        ("optimizer.name=sdg", "Received: optimizer.name='sdg'"),
        ("schedule.steps=5", "either epochs or steps.*schedule.steps=5"),
        (
            "schedule.epochs=null",
            "neither steps nor phases.*epochs=None",
        ),
        (
            "schedule.epochs=0",
            "`schedule.epochs`. Expected a number of at least 1",
        ),
        ("schedule.milestones=[2]", r"schedule.milestones'. Expected one of"),
        ("schedule.kind=step", "boundaries"),
        ("schedule.boundaries=[2, 1]", "rising integers"),
        ("validation.fraction=1.5", "Received: validation.fraction=1.5"),
        ("test.crops=five", "`test.crops`.*Received: test.crops='five'"),
        ("test.averaged=ranks", "test.averaged='ranks'"),
        ("precision=float16", "precision='float16'"),
        ("augmentation.flip=maybe", "flip.probability='maybe'"),
        ("augmentation.flip.probability.x=1", "one number of a step"),
        ("augmentation.colour_jitter=0.4", "Did you mean 'color_jitter'"),
        (
            "augmentation.flip.probabilty=1",
            "mean .augmentation.flip.p",
        ),
        ("augmentation[2].probability=1", "one of the 2 steps.*from 0"),
        ("augmentation=crop", "a list of steps"),
        ("clip.crop=tsn", "Unknown recipe key 'clip.crop'"),
        ("data=3", "mapping for 'data'"),
        ("initialization.frozen=[rbg]", "list of different streams.*'rbg'"),
        ("initialization.frozen=rgb", "list of different streams.*'rgb'"),
        ("initialization.frozen=[rgb, rgb]", "list of different streams"),
    ],
)
def test_invalid_settings(setting, message):
    with pytest.raises(ValueError, match=message):
        SMALL.with_settings([setting])


@pytest.mark.parametrize(
    "text, message",
    [
        ("- a", "YAML mapping. Received: list"),
        ("name: [", "while parsing"),
        ("seed: 1", "the recipe key 'name'"),
    ],
)
def test_invalid_files(tmp_path, text, message):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"recipe.yaml.*{message}"):
        Recipe.from_file(path)


def test_data_of_the_command_line_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = SMALL.with_data(directory=pathlib.Path("videos"), split=2)
    assert recipe.data.directory == str(tmp_path / "videos")
    assert recipe.data.split == 2 and recipe.data.list is None


def test_every_section_has_defaults_and_is_frozen():
    for field in dataclasses.fields(Recipe):
        section = getattr(SMALL, field.name)
        if dataclasses.is_dataclass(section):
            with pytest.raises(dataclasses.FrozenInstanceError):
                section.anything = 1


def test_yaml_is_plain():
    """No Python tags: any YAML reader can read it."""
    assert "!!" not in SMALL.to_yaml()
    assert yaml.safe_load(SMALL.to_yaml())["schedule"]["epochs"] == 3


def test_networks_to_start_from(tmp_path, monkeypatch):
    """Given by stream in YAML, found from anywhere, kept in the run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rgb.keras").touch()
    (tmp_path / "2020").mkdir()
    recipe = SMALL.with_settings(
        [
            "initialization.weights={rgb: rgb.keras, flow: 2020}",
            "initialization.frozen=[rgb, flow]",
        ]
    )
    start = recipe.initialization
    assert start.weights == {"rgb": "rgb.keras", "flow": "2020"}
    assert start.frozen == ("rgb", "flow")
    absolute = recipe.with_absolute_paths()
    assert absolute.initialization.weights == {
        "rgb": str(tmp_path / "rgb.keras"),
        "flow": str(tmp_path / "2020"),
    }
    assert Recipe.from_yaml(absolute.to_yaml()) == absolute

    (tmp_path / "imagenet").touch()  # the word wins
    for given, found in (
        ("imagenet", "imagenet"),
        ("./imagenet", str(tmp_path / "imagenet")),
        (
            "{rgb: imagenet, flow: 2020}",
            {"rgb": "imagenet", "flow": str(tmp_path / "2020")},
        ),
        ("rgb.keras", str(tmp_path / "rgb.keras")),
        ("2020", str(tmp_path / "2020")),
        ("1e5", "1e5"),  # not there: told when it is opened
        ("null", None),
    ):
        one = SMALL.with_settings([f"initialization.weights={given}"])
        assert one.with_absolute_paths().initialization.weights == found


def test_the_listed_validation_part():
    recipe = recipes.get("scratch").with_settings(["validation=listed"])
    assert recipe.validation.listed and not recipe.validation.fraction
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    text = "name: x\nvalidation: listed\nschedule: {epochs: 2, early_stop: 1}\n"
    assert Recipe.from_yaml(text).validation == recipe.validation
    with pytest.raises(ValueError, match="`validation.fraction`.*0 beside"):
        recipe.with_settings(["validation.fraction=0.2"])
    with pytest.raises(ValueError, match="a mapping for 'validation'"):
        recipe.with_settings(["validation=lasted"])
