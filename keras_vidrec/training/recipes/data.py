"""The sections `data` and `validation` of a recipe."""

import dataclasses

from keras_vidrec.data.video_order import SAMPLINGS
from keras_vidrec.specs import checks

LAYOUTS = ("auto", "ucf101", "hmdb51", "folder", "list")


@dataclasses.dataclass(frozen=True)
class Data:
    """The dataset of a training and its split.

    Args:
        directory: `None`, or str: directory of videos, of frame folders, or of
            a dataset made by `vidrec prepare` or `vidrec features`.
        layout: str. `"auto"` (detected), `"ucf101"`, `"hmdb51"`, `"folder"`
            (one folder per class), or `"list"` (a CSV file). Defaults to
            `"auto"`.
        list: `None`, or str: path of a list of the videos, in one of the forms
            of the guide: a CSV file with columns path, label and optionally
            group, split, start, end; for frame folders also a list of TSN
            (`path num_frames label`). Defaults to `None`.
        split_files: `None`, or str: directory of official split files, or of
            lists of TSN. Defaults to `None`.
        split: int. Number of the split. Defaults to `1`.
        test_fraction: float in (0, 1). Share of each class in the test part, if
            the layout has no split of its own. Defaults to `0.25`.
        keep_damaged: bool. Whether to train on clips that have lost over 10 %
            of their frames. Defaults to `False`.
        background: bool. Whether the parts of videos outside the segments of a
            list form a class, `"background"`. Defaults to `False`.
        sampling: str. How often videos are used in an epoch, whose length is
            the same in any case: `"natural"` (each video once), `"balanced"`
            (all classes equally often), or `"sqrt"` (a compromise: each class
            in proportion to the square root of its number of videos). Videos
            of rare classes are repeated; those of frequent classes are used in
            turn. Defaults to `"natural"`.
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
    """The validation part: the one that the dataset lists, or groups held out
    of the training list, never of the test list. With a validation part,
    `model.keras` is the network of the best epoch (if accuracies are equal, the
    one with the smallest loss); without, that of the last epoch.

    Args:
        fraction: float in [0, 0.9]. Share of the training groups that is held
            out; 0 for none. Defaults to `0.0`.
        seed: int. Seed of the choice of groups. Defaults to `0`.
        listed: bool. Whether to use the validation part of the dataset's own
            list or folders (`val`). In YAML, `validation: listed` is
            equivalent. Defaults to `False`.
        auto: bool. For recipes for any dataset: whether to prefer a listed part
            to `fraction`, and to train without validation, with a remark, if no
            class has two training groups. Defaults to `False`.
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
        """Whether the recipe asks for a validation part."""
        return self.listed or self.fraction > 0
