"""The table of presets, `presets.yaml`."""

import contextlib
import difflib
import functools
import pathlib
import types

from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.weights.presets.group import Group
from keras_vidrec.weights.presets.preset import Preset
from keras_vidrec.weights.published import packages

FILE = pathlib.Path(__file__).with_name("presets.yaml")
PREFIX = "preset:"
"""Marks the name of a preset where a path is possible too."""

_PARTS = ("families", "groups")
_FAMILY = ("common", "presets")


def read(path) -> dict:
    """Reads a table of presets.

    Args:
        path: pathlib.Path of the YAML file. It has `families`, each with the
            values that its presets have in `common`, and its `presets` by
            name, whose values override these (single values in the mappings
            `arguments`, `clip` and `test`); and `groups` by name.

    Returns:
        dict from names to `Preset` and `Group`, in the order of the file.

    Raises:
        ValueError: naming the file and the preset, if a key is unknown, a name
            occurs twice, or a value is invalid.
    """
    values = documents.read_yaml(path)
    checks.fields(_PARTS, values, f"the presets of {path}")
    found: dict[str, Preset | Group] = {}
    for family, content in values.get("families", {}).items():
        checks.fields(_FAMILY, content, f"the family {family} of {path}")
        common = content.get("common", {})
        for name, own in content.get("presets", {}).items():
            with _about(path, name, found):
                merged = _with_file(_merged(common, own))
                found[name] = Preset.from_dict({"name": name, **merged})
    for name, own in values.get("groups", {}).items():
        with _about(path, name, found):
            own = _with_presets(own, found)
            found[name] = Group.from_dict({"name": name, **own})
    return found


@functools.cache
def _table():
    return types.MappingProxyType(read(FILE))


def names() -> tuple:
    """Returns the names of all presets and groups, in order of the table."""
    return tuple(_table())


def presets() -> tuple:
    """Returns every `Preset`, in the order of the table, which has the
    recommended one of a data set first."""
    return tuple(one for one in _table().values() if isinstance(one, Preset))


def named(text: str) -> str | None:
    """Returns the name after `preset:`, or `None` without this prefix."""
    text = str(text)
    return text.removeprefix(PREFIX) if text.startswith(PREFIX) else None


def is_known(name: str) -> bool:
    """Whether a preset or group has this name, with or without `preset:`."""
    return (named(name) or str(name)) in _table()


def find(name: str) -> Preset | Group:
    """Returns a preset or a group by its name, with or without `preset:`.

    Raises:
        ValueError: naming the nearest names, if there is none.
    """
    found = _table().get(named(name) or str(name))
    if found is None:
        raise ValueError(
            f"Unknown preset. {hint(name)}Expected a name that `vidrec "
            f"presets` lists. Received: {checks.shorten(repr(str(name)))}"
        )
    return found


def hint(name: str) -> str:
    """Returns a question that suggests similar names; `""` without any."""
    name = (named(name) or str(name))[:200]
    near = [known for known in names() if name and known.startswith(name)][:3]
    near = near or difflib.get_close_matches(name, names(), 3)
    if not near:
        return ""
    return f"Did you mean {' or '.join(map(repr, near))}? "


@contextlib.contextmanager
def _about(path, name, found):
    """Adds the file and the entry to errors raised inside this context."""
    if name in found:
        raise ValueError(f"{path}: {name} is the name of two presets")
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {name}: {error}") from None


def _merged(common: dict, own: dict) -> dict:
    merged = {**common, **own}
    for key in common.keys() & own.keys():
        if isinstance(common[key], dict) and isinstance(own[key], dict):
            if key in ("arguments", "clip", "test"):
                merged[key] = _merged(common[key], own[key])
    return merged


def _with_file(values):
    """Returns values with complete addresses, and for a file in a package with
    its name and hash."""
    values = dict(values)
    brought = packages.PACKAGES.get(values.get("package"))
    if brought is not None:
        file = brought.file.rpartition("/")[2]
        values = {**values, "file": file, "sha256": brought.sha256}
    addresses = values.pop("address", ())
    if isinstance(addresses, str):
        addresses = (addresses,)
    file = str(values.get("file"))
    folder = file.rpartition("_")[0]
    values["addresses"] = tuple(
        address.replace("{file}", file).replace("{folder}", folder)
        for address in addresses
    )
    if "allow_unused" in values:
        values["allow_unused"] = tuple(values["allow_unused"])
    return values


def _with_presets(values, found):
    """Returns the values of a group with presets instead of their names."""
    streams = values.get("streams")
    if isinstance(streams, dict):
        unknown = [name for name in streams.values() if name not in found]
        checks.check(not unknown, "streams", "names of presets", streams)
        streams = {stream: found[name] for stream, name in streams.items()}
    return {**values, "streams": streams}
