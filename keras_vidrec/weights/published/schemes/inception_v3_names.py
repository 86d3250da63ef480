"""Names of the convolutions of Inception-v3 in PyTorch."""

from keras_vidrec.backbones.inception_v3 import BLOCKS
from keras_vidrec.backbones.inception_v3 import STEM


def convolutions():
    """The convolutions of torchvision's Inception-v3.

    Each is a module with a `conv` and a `bn`. With `_` for `.` these are the
    names of this package: `Mixed_5b_branch5x5_2_conv`.

    Returns:
        list of str: `"Conv2d_1a_3x3"`, ..., `"Mixed_5b.branch5x5_2"`, ...,
        `"Mixed_7c.branch3x3dbl_3b"`, ...
    """
    names = [f"Conv2d_{row[0]}" for row in STEM if not isinstance(row, str)]
    for block, branches in BLOCKS.items():
        for branch, rows in branches.items():
            for position, row in enumerate(rows, start=1):
                place = f"Mixed_{block}.{branch}"
                if len(rows) > 1:
                    place = f"{place}_{position}"
                pair = isinstance(row[0], tuple)
                names.extend(
                    place + letter for letter in ("ab" if pair else [""])
                )
    return names
