"""The sections `data` and `validation` of a recipe."""

import dataclasses

from keras_vidrec.data.video_order import SAMPLINGS
from keras_vidrec.specs import checks

LAYOUTS = ("auto", "ucf101", "hmdb51", "folder", "list")


@dataclasses.dataclass(frozen=True)
class Data:
    """Which clips.

    Args:
        directory: `None`, or str: directory of videos, of frame folders, or of
            a dataset that `vidrec prepare` made.
        layout: str. `"auto"` looks; `"ucf101"`, `"hmdb51"`, `"folder"` (a
            folder a class), `"list"` (a CSV file).
        list: `None`, or str: a list of the videos, in one of the forms of the
            guide: a CSV file with columns path, label and optionally group,
            split, start, end; of frame folders also a list of TSN (`path
            num_frames label`).
        split_files: `None`, or str: directory of official split files, or of
            lists of TSN.
        split: int. Number of the split. Defaults to `1`.
        test_fraction: float in (0, 1). Share of each class for the test where
            a layout has no split of its own. Defaults to `0.25`.
        keep_damaged: bool. Whether clips that have lost over 10 % of their
            frames are trained on. Defaults to `False`.
        background: bool. Whether what the segments of a list leave of their
            videos is a class, `"background"`. Defaults to `False`.
        sampling: str. How often each training video comes in an epoch, which
            is as long either way: `"natural"` (each once), `"balanced"` (each
            class as often), or `"sqrt"` (each class in proportion to the
            square root of its videos, which lies between). Videos of rare
            classes come several times, those of frequent ones in turn.
            Defaults to `"natural"`.
    """

    directory: str | None = None
    layout: str = "auto"
    list: str | None = None
    split_files: str | None = None
    split: int = 1
    test_fraction: float = 0.25
    keep_damaged: bool = False
    background: bool = False
    sampling: str = "natural"

    def __post_init__(self):
        for name in ("directory", "list", "split_files"):
            value = getattr(self, name)
            if value is not None:  # YAML reads a directory 2020 as a number
                object.__setattr__(self, name, str(value))
        checks.choice("layout", self.layout, LAYOUTS)
        checks.count("split", self.split)
        checks.number("test_fraction", self.test_fraction, 0.01, 0.99)
        checks.flag("keep_damaged", self.keep_damaged)
        checks.flag("background", self.background)
        checks.choice("sampling", self.sampling, SAMPLINGS)


@dataclasses.dataclass(frozen=True)
class Validation:
    """A validation part: the one that the dataset lists, or carved out of the
    training groups, never out of the test list. With one, `model.keras` is the
    best epoch's model (of equal accuracies the smallest loss); without, the
    last one's.

    Args:
        fraction: float in [0, 1). Share of the training groups; 0 is none.
        seed: int. Which groups. Defaults to `0`.
        listed: bool. Whether it is the part of the dataset itself, of its list
            or its folders (`val`). In YAML `validation: listed` says the same.
            Defaults to `False`.
        auto: bool. Of a recipe for any videos: whether a part that the
            dataset lists goes before `fraction`, and whether training does
            without where no class has two training groups, which it says.
            Defaults to `False`.
    """

    fraction: float = 0.0
    seed: int = 0
    listed: bool = False
    auto: bool = False

    def __post_init__(self):
        checks.number("fraction", self.fraction, 0, 0.9)
        checks.count("seed", self.seed, 0)
        checks.flag("listed", self.listed)
        checks.flag("auto", self.auto)
        checks.check(
            not (self.listed and self.fraction),
            "fraction",
            "0 beside listed=true",
            self.fraction,
        )

    @property
    def is_wanted(self):
        """Whether there is to be a validation part."""
        return self.listed or self.fraction > 0
