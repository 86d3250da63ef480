"""Writes a catalog as a list in the package's own format."""

import csv
import io
import pathlib

from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.catalogs import label_texts
from keras_vidrec.specs import checks
from keras_vidrec.specs import files


def write(catalog, path, split=None):
    """Writes the list of a split of a catalog: CSV with the columns
    `path,label,split` and, if needed, `group`, and `start` and `end` in seconds
    or `start_frame` and `end_frame`.

    Several labels are separated by `;`. If any clip has several, a single label
    has a `;` after it. A `'` is put before texts that a spreadsheet would take
    for a formula. `catalog.from_list` with the catalog's `root` reads the list.
    If the classes are not in alphabetical order, or some have no clips, their
    names are written to a file beside it: `list.labels.txt`.

    Args:
        catalog: `Catalog`.
        path: path of the list.
        split: key of `catalog.splits`, or `None` for the first one. Defaults to
            `None`.

    Returns:
        List of the paths written.

    Raises:
        ValueError: if there is no such split, segments are in both units, or
            the name of a class would be read as several labels.
    """
    path = pathlib.Path(path)
    split = min(catalog.splits, key=str) if split is None else split
    checks.choice("split", split, catalog.splits)
    units = {segment[2] for segment in catalog.segments if segment}
    if len(units) > 1:
        raise ValueError(
            "Expected segments in seconds or in frames. Received: both"
        )
    for name in catalog.classes:
        if label_texts.SEPARATOR.search(name):
            raise ValueError(
                "Expected names of classes that are read back as one label "
                f"each, without `;` or `|`. Received: {name!r}"
            )
    train, test = catalog.splits[split]
    parts = {
        **dict.fromkeys(train, "train"),
        **dict.fromkeys(catalog.validation.get(split, ()), "val"),
        **dict.fromkeys(test, "test"),
    }
    header = ["path", "label", "split"]
    has_groups = catalog.groups != catalog.files
    if has_groups:
        header.append("group")
    if units:
        header += {
            "seconds": ["start", "end"],
            "frames": ["start_frame", "end_frame"],
        }[units.pop()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    several = label_sets.are_sets(catalog.labels)
    for i, file in enumerate(catalog.files):
        names = label_sets.names(catalog.labels[i], catalog.classes)
        label = ";".join(names) + ";" * (several and len(names) < 2)
        line = [file, label, parts.get(i, "none")]
        if has_groups:
            group = catalog.groups[i]
            line.append("" if group == file else group)
        if len(header) > len(line):
            start, end, _ = catalog.segments[i] or ("", None, None)
            line += [start, "" if end is None else end]
        writer.writerow(map(files.to_cell, line))
    files.write_text(path, text.getvalue())
    present = {
        name
        for label in catalog.labels
        for name in label_sets.names(label, catalog.classes)
    }
    if catalog.classes == tuple(sorted(present)):
        return [path]
    names = path.with_suffix(".labels.txt")
    files.write_text(names, "".join(f"{name}\n" for name in catalog.classes))
    return [path, names]
