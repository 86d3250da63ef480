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
    """Reads a table.

    Args:
        path: pathlib.Path of the YAML file. A mapping of `families`, each with
            what its presets have in `common`, and its `presets` by name,
            whose values come on top of that, those of mappings one by one;
            and of `groups` by name.

    Returns:
        dict by name of `Preset` and `Group`, in their order.

    Raises:
        ValueError: naming the file and the preset, if a key is unknown, a name
            stands twice, or a value is none that it may be.
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
    """The names of all presets and groups, in the order of the table."""
    return tuple(_table())


def presets() -> tuple:
    """Every `Preset`, in the order of the table: of those of one data set, the
    first to be recommended comes first."""
    return tuple(one for one in _table().values() if isinstance(one, Preset))


def named(text: str) -> str | None:
    """The name after `preset:`; `None` without this prefix."""
    text = str(text)
    return text.removeprefix(PREFIX) if text.startswith(PREFIX) else None


def is_known(name: str) -> bool:
    """Whether there is such a preset or group; with or without `preset:`."""
    return (named(name) or str(name)) in _table()


def find(name: str) -> Preset | Group:
    """A preset or a group by its name, with or without `preset:`.

    Raises:
        ValueError: if there is none, with the nearest names.
    """
    found = _table().get(named(name) or str(name))
    if found is None:
        raise ValueError(
            f"Unknown preset. {hint(name)}Expected a name that `vidrec "
            f"presets` lists. Received: {checks.shorten(repr(str(name)))}"
        )
    return found


def hint(name: str) -> str:
    """A suggestion for an unknown name, as a question; or an empty text."""
    name = (named(name) or str(name))[:200]
    near = [known for known in names() if name and known.startswith(name)][:3]
    near = near or difflib.get_close_matches(name, names(), 3)
    if not near:
        return ""
    return f"Did you mean {' or '.join(map(repr, near))}? "


@contextlib.contextmanager
def _about(path, name, found):
    """Errors inside name the file and the entry."""
    if name in found:
        raise ValueError(f"{path}: {name} is the name of two presets")
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {name}: {error}") from None


def _merged(common, own):
    merged = {**common, **own}
    for key in common.keys() & own.keys():
        if isinstance(common[key], dict) and isinstance(own[key], dict):
            if key in ("arguments", "clip", "test"):
                merged[key] = _merged(common[key], own[key])
    return merged


def _with_file(values):
    """The addresses in full; what is known of a file that a package brings."""
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
    """A group with its presets in place of their names."""
    streams = values.get("streams")
    if isinstance(streams, dict):
        unknown = [name for name in streams.values() if name not in found]
        checks.check(not unknown, "streams", "names of presets", streams)
        streams = {stream: found[name] for stream, name in streams.items()}
    return {**values, "streams": streams}
