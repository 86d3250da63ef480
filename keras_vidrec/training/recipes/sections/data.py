import dataclasses

from keras_vidrec.training.recipes.sections.checks import check_choice
from keras_vidrec.training.recipes.sections.checks import check_number

LAYOUTS = ("auto", "ucf101", "hmdb51", "folder", "list")


@dataclasses.dataclass(frozen=True)
class Data:
    """Which clips.

    Args:
        directory: `None`, or str: directory of videos, of frame folders, or of
            a dataset that `vidrec prepare` made.
        layout: str. `"auto"` looks; `"ucf101"`, `"hmdb51"`, `"folder"` (a
            folder a class), `"list"` (a CSV file).
        list: `None`, or str: CSV file with columns path, label and optionally
            group, split; of frame folders also a list of TSN (`path num_frames
            label`).
        split_files: `None`, or str: directory of official split files, or of
            lists of TSN.
        split: int. Number of the split. Defaults to `1`.
        test_fraction: float in (0, 1). Share of each class for the test where
            a layout has no split of its own. Defaults to `0.25`.
    """

    directory: str | None = None
    layout: str = "auto"
    list: str | None = None
    split_files: str | None = None
    split: int = 1
    test_fraction: float = 0.25

    def __post_init__(self):
        for name in ("directory", "list", "split_files"):
            value = getattr(self, name)
            if value is not None:  # YAML reads a directory 2020 as a number
                object.__setattr__(self, name, str(value))
        check_choice(self, "layout", LAYOUTS)
        check_number(self, "split", 1, kind=int)
        check_number(self, "test_fraction", 0.01, 0.99)
