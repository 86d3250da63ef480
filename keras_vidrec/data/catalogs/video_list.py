"""Lists of videos: csv files with the header path,label[,group][,split]."""

import csv
import io
import pathlib

from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import doubles
from keras_vidrec.data.catalogs.split import refuse_any
from keras_vidrec.data.prepared import storage

_COLUMNS = ("path", "label", "group", "split")


def read(path):
    """Reads a list into dicts, one a video, with the columns of the header as
    keys: `path` and `label`, and `group` and `split` if there.

    Raises:
        ValueError: if there is no such file, it is no CSV text in UTF-8, a
            column is missing or unknown, a line has too many or too few
            fields, an empty path or label, or a `split` other than train and
            test.
    """
    if not path.is_file():
        raise ValueError(
            "Expected the list of videos to be an existing file. "
            f"Received: {str(path)!r}"
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
        file = io.StringIO(text, newline="")
        lines = list(csv.reader(file, skipinitialspace=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path.name} is no list of videos. Expected CSV text in UTF-8. "
            f"Received: {error}"
        ) from None
    lines = [[field.strip() for field in line] for line in lines if any(line)]
    header = [name.lower() for name in lines[0]] if lines else []
    if not {"path", "label"} <= set(header) <= set(_COLUMNS) or doubles(header):
        raise ValueError(
            f"Invalid header of {path.name}. Expected path,label and, if "
            f"wanted, group and split. Received: {','.join(header)!r}"
        )
    rows = [dict(zip(header, line)) for line in lines[1:]]
    wrong = [
        ",".join(line)
        for line, row in zip(lines[1:], rows)
        if len(line) != len(header)
        or not (row["path"] and row["label"])
        or "\0" in row["path"]
        or row.get("split", "train") not in Split._fields
    ]
    refuse_any(
        wrong,
        f"Invalid line in {path.name}",
        f"{','.join(header)}, path and label not empty, split train or test",
    )
    if not rows:
        raise ValueError(
            f"{path.name} lists no videos. Expected a line a video below the "
            "header. Received: the header only"
        )
    return rows


def path_below(root, path):
    """A listed path, with `/`, without superfluous parts, or an address as it
    is; a `ValueError` if it leaves the dataset's directory: is absolute, has
    `..`, or is a link to the outside."""
    if storage.is_url(path):
        storage.as_path(path)  # is it one that can be read?
        return path
    pure = pathlib.PurePosixPath(path)
    is_remote = isinstance(root, storage.RemotePath)
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or not is_remote
        and not (root / pure).resolve().is_relative_to(root.resolve())
    ):
        raise ValueError(
            "A path of the list leaves the dataset's directory. Expected "
            "relative paths below it, without `..` and links to the outside. "
            f"Received: {path!r}"
        )
    return str(pure)


def number_labels(names):
    """Class indices of the labels of a list, names of classes or, if all are
    whole numbers, indices.

    Returns:
        Pair of tuples: class index of each label, and class names, in
        alphabetical order or `"0"`, `"1"`, and so on.

    Raises:
        ValueError: if the numbers cannot be class indices.
    """
    if not all(name.isdecimal() for name in names):
        classes = tuple(sorted(set(names)))
        numbers = {name: i for i, name in enumerate(classes)}
        return tuple(numbers[name] for name in names), classes
    labels = tuple(map(int, names))
    # A gap may be a class without clips; a column of numbers of another kind
    # would make as many classes as its largest.
    if max(labels) >= 1000 + 10 * len(set(labels)):
        raise ValueError(
            "Labels that are numbers are class indices. Expected them to run "
            f"from 0 without large gaps. Received: label={max(labels)} among "
            f"{len(set(labels))} different ones"
        )
    return labels, tuple(str(i) for i in range(max(labels) + 1))
