import dataclasses

import keras
import numpy as np
import pytest

from keras_vidrec.data.augmentation import STEPS
from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import ColorJitter
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.augmentation import Flip
from keras_vidrec.data.augmentation import MixUp
from keras_vidrec.data.augmentation import RandAugment
from keras_vidrec.data.augmentation import RandomErasing
from keras_vidrec.data.augmentation import Step
from keras_vidrec.data.augmentation import TimeReverse
from keras_vidrec.data.clips.reader import read_training_clip
from keras_vidrec.specs import ClipSpec
from tests.data.memory_source import MemorySource

ALL = Augmentation(
    (
        Crop("jitter25"),
        Flip(),
        ColorJitter(0.3),
        RandAugment(operations=("rotate", "equalize")),
        RandomErasing(area=(0.1, 0.2)),
        TimeReverse(),
        MixUp(),
        STEPS["cutmix"](),
    )
)


def test_a_list_there_and_back():
    values = ALL.to_list()
    assert [[*value] for value in values] == [[name] for name in STEPS]
    assert values[0] == {"crop": {"policy": "jitter25"}}
    assert values[4]["random_erasing"]["area"] == [0.1, 0.2]
    assert Augmentation.from_list(values) == ALL
    assert hash(Augmentation.from_list(values)) == hash(ALL)


def test_short_ways_to_write_a_step():
    short = ["crop", {"flip": None}, {"color_jitter": 0.3}, {"mixup": 0.4}]
    assert Augmentation.from_list(short) == Augmentation(
        (Crop(), Flip(), ColorJitter(0.3), MixUp(0.4))
    )
    assert Augmentation.from_list([{"crop": "center"}]).crop == Crop("center")
    assert Augmentation() == Augmentation.from_list(["crop", "flip"])
    assert Augmentation().mirrors
    assert not Augmentation((Crop(), Flip(0.0))).mirrors


@keras.saving.register_keras_serializable("augmentation_test")
@dataclasses.dataclass(frozen=True)
class Fog(Step):
    density: float = 0.5

    def draw(self, rng, size):
        return rng.uniform(0, self.density)

    def on_rgb(self, images, drawn):
        return np.uint8(images + drawn * (255.0 - images))


class Unknown(Step):
    pass


@dataclasses.dataclass(frozen=True)
class Halved(Step):
    def draw(self, rng, size):
        return True

    def on_rgb(self, images, drawn):
        return images / 2


@pytest.mark.parametrize(
    "values, message",
    [
        ("crop", "`augmentation`. Expected a list of steps.*='crop'"),
        ([3], "a list of steps.*augmentation=3"),
        ([{"crop": {}, "flip": {}}], "a list of steps, such as"),
        (["crop", "colour_jitter"], "Did you mean 'color_jitter'"),
        (["crop", "zoom"], "Unknown step of the augmentation 'zoom'. Expected"),
        (["crop", {"flip": 2}], "Received: augmentation.flip.probability=2"),
        (
            ["crop", {"flip": {"p": 1}}],
            "step 'augmentation.flip.p'",
        ),
        (["crop", {"flip": {"probabilty": 1}}], "mean 'augmentation.flip.prob"),
        (["crop", {"color_jitter": 1}], "augmentation.color_jitter.strength=1"),
        (["crop", {"rand_augment": 11}], "rand_augment.magnitude=11"),
        (
            ["crop", {"rand_augment": {"operations": ["turn"]}}],
            r"operations=\('turn',\)",
        ),
        (["crop", {"random_erasing": {"area": [0.5, 0.1]}}], "erasing.area="),
        (["crop", {"mixup": 0}], "augmentation.mixup.alpha=0"),
        (["crop", {"cutmix": {"probability": -1}}], "cutmix.probability=-1"),
        ([{"crop": "five"}], "augmentation.crop.policy='five'"),
        (["flip"], "`augmentation`. Expected one crop.*'flip'"),
        ([], "Expected one crop"),
        (["crop", "crop"], "Expected one crop"),
        (["crop", "mixup", "flip"], "after all others.*'mixup', 'flip'"),
    ],
)
def test_invalid_lists(values, message):
    with pytest.raises(ValueError, match=message):
        Augmentation.from_list(values)


def test_invalid_steps():
    unknown = Augmentation.from_list(["crop", "augmentation_test>Fogg"])
    with pytest.raises(ValueError, match="mean 'augmentation_test>Fog'"):
        unknown.check_registered()
    with pytest.raises(ValueError, match="`steps`. Expected a list of steps"):
        Augmentation((Crop(), "flip"))
    with pytest.raises(ValueError, match="register.*Received: steps='Unknown'"):
        Augmentation((Crop(), Unknown())).to_list()
    with pytest.raises(
        ValueError, match="'Halved'.*Received: float64 of shape"
    ):
        read(Augmentation((Crop(), Halved())))


def read(augmentation, seed=0, modalities=("rgb",), **fields):
    length = 1 if modalities == ("rgb",) else 4
    spec = ClipSpec(modalities, snippet_length=length, size=24, **fields)
    rng = np.random.default_rng(seed)
    return read_training_clip(MemorySource(), 3, spec, augmentation, rng)


def test_a_step_behind_others_changes_none_of_their_draws():
    """So a longer list shows the clips of the shorter one, changed."""
    few = Augmentation((Crop(), Flip()))
    more = Augmentation((Crop(), Flip(), TimeReverse(1.0), Fog(0.0)))
    for seed in range(6):
        np.testing.assert_array_equal(
            read(few, seed)["rgb"], read(more, seed)["rgb"][::-1]
        )


def test_differences_are_those_of_the_frames_that_are_seen():
    steps = (Crop(), Flip(), ColorJitter(), RandAugment(), RandomErasing(1.0))
    for seed in range(4):
        clip = read(Augmentation(steps), seed, ("rgb", "rgb_diff"))
        first = clip["rgb_diff"][..., :3]
        # Contrast and the like are measured of more frames there.
        assert np.abs(clip["rgb"].astype(int) - first).mean() < 12
    steps = (Crop(), Flip(), RandAugment(operations=("rotate", "shear_x")))
    steps += (RandomErasing(1.0), Fog())
    for seed in range(4):
        clip = read(Augmentation(steps), seed, ("rgb", "rgb_diff"))
        np.testing.assert_array_equal(clip["rgb"], clip["rgb_diff"][..., :3])


def test_time_runs_backwards_in_all_streams():
    plain, turned = (
        read(Augmentation((Crop("center"), *more)), 5, ("rgb", "flow"))
        for more in ((), (TimeReverse(1.0),))
    )
    np.testing.assert_array_equal(turned["rgb"], plain["rgb"][::-1])
    # x, y, of the last image first, each with the other sign.
    flow = plain["flow"][::-1].reshape(3, 24, 24, 4, 2)[..., ::-1, :]
    np.testing.assert_array_equal(
        turned["flow"], 255 - flow.reshape(3, 24, 24, 8)
    )


def test_half_of_the_clips_unless_told_otherwise():
    for kind in (Flip, TimeReverse, RandomErasing):
        for probability, low, high in ((0.5, 70, 130), (0.1, 8, 35), (0, 0, 0)):
            rngs = map(np.random.default_rng, range(200))
            draws = [kind(probability).draw(rng, 24) for rng in rngs]
            assert low <= sum(one is not None for one in draws) <= high


def test_rand_augment_draws_all_operations_alike():
    step, names = RandAugment(), []
    for seed in range(400):
        drawn = step.draw(np.random.default_rng(seed), 24)
        names += [name for name, _ in drawn]
    counts = np.unique(names, return_counts=True)[1]
    assert len(names) == 800 and len(counts) == 14
    assert counts.min() > 800 / 14 - 30 and counts.max() < 800 / 14 + 30
    frames = read(Augmentation())["rgb"]
    for name in ("rotate", "brightness", "posterize", "solarize"):
        none = RandAugment(0, 3, [name])
        same = none.on_rgb(frames, none.draw(np.random.default_rng(0), 24))
        np.testing.assert_array_equal(same, frames)
