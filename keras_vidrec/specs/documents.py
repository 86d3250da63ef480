"""Reading JSON and YAML of unknown origin, with limits.

A file of a few hundred bytes may expand to gigabytes, or to more levels than
Python's recursion limit. So size, depth and number of values are limited.
"""

import collections.abc
import functools
import io
import json
import typing

from keras_vidrec.specs import checks

# JSON files may list the videos of a large dataset. YAML files are written by
# hand, so they are short, and PyYAML needs ten seconds for a megabyte.
_MOST_BYTES = 2**30
_MOST_BYTES_OF_YAML = 2**18
_MOST_VALUES_OF_YAML = 20_000
# The config of a network that contains networks has about 20 levels.
_MOST_LEVELS = 100
_MOST_CHARACTERS_OF_A_NUMBER = 1000

_HOSTILE = "as a damaged or hostile file has"


def flat(
    values: collections.abc.Mapping, prefix: str = ""
) -> dict[str, typing.Any]:
    """Returns a dict of dicts as one dict whose keys are joined by dots. An
    empty dict is kept as a value."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = value
    return found


def read_json(path: typing.Any) -> typing.Any:
    """Reads a JSON file in UTF-8.

    Args:
        path: pathlib.Path, or an object with its `open` (`storage.as_path`).

    Returns:
        The result of `json.loads`.

    Raises:
        ValueError: naming the file, if it is not JSON, or has more than 1 GiB
            or more than 100 levels.
        OSError: if it cannot be read.
    """
    try:
        return parse_json(_content(path, _MOST_BYTES))
    except ValueError as error:
        raise ValueError(
            f"Expected JSON in UTF-8. Received: {path}: {error}"
        ) from None


def parse_json(text: str | bytes) -> typing.Any:
    """Parses JSON.

    Args:
        text: str, or bytes in UTF-8. At most 1 GiB, 100 levels deep.

    Returns:
        The result of `json.loads`.

    Raises:
        ValueError: if it is not JSON, or exceeds a limit.
    """
    _check_size(len(text), _MOST_BYTES)
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        value = json.loads(text)
    except RecursionError:
        raise _too_deep() from None
    _check_levels(value)
    return value


def as_json(value: typing.Any) -> typing.Any:
    """Returns a value as it is after writing it to JSON and reading it back:
    tuples become lists, and keys become str.

    Raises:
        TypeError, ValueError: if JSON cannot represent it.
    """
    return json.loads(json.dumps(value))


def read_yaml(path: typing.Any) -> typing.Any:
    """Reads a YAML file in UTF-8, as `parse_yaml` does.

    Raises:
        ValueError: naming the file; see `parse_yaml`.
        OSError: if it cannot be read.
    """
    try:
        content = _content(path, _MOST_BYTES_OF_YAML)
        return parse_yaml(content.decode("utf-8"))
    except ValueError as error:
        raise ValueError(
            f"Expected YAML in UTF-8. Received: {path}: {error}"
        ) from None


def parse_yaml(text: str) -> typing.Any:
    """Parses YAML that contains only plain values.

    Args:
        text: str. At most 256 KiB, 100 levels and 20,000 values, where an
            alias (`*name`) counts as all the values it refers to.

    Returns:
        The result of `yaml.safe_load`.

    Raises:
        ValueError: if it is not YAML, repeats a key, or exceeds a limit.
    """
    import yaml

    _check_size(len(text), _MOST_BYTES_OF_YAML)
    try:
        return yaml.load(io.StringIO(text), _loader())
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(checks.shorten(reason)) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(
            "a value is not of the type that it is said to be"
        ) from error


def _content(path: typing.Any, most: int) -> bytes:
    """Returns at most `most + 1` bytes of a file, which may be endless."""
    with path.open("rb") as file:
        return file.read(most + 1)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError(f"more than {most} bytes")


def _check_levels(value: typing.Any) -> None:
    level = [value]
    for _ in range(_MOST_LEVELS):
        level = [
            child
            for parent in level
            for child in (
                parent.values()
                if isinstance(parent, dict)
                else parent
                if isinstance(parent, list)
                else ()
            )
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"more than {_MOST_LEVELS} levels, {_HOSTILE}")


@functools.cache
def _loader():
    """Returns the class that reads YAML; PyYAML is imported on first use."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Checks the limits before values are constructed."""

        def __init__(self, stream):
            super().__init__(stream)
            self._level = self._values = 0
            self._sizes = {}  # number of values by anchor

        def compose_node(self, parent, index):
            event = self.peek_event()
            if isinstance(event, yaml.AliasEvent):
                self._add(self._size_of(event.anchor))
                return super().compose_node(parent, index)
            self._level += 1
            if self._level > _MOST_LEVELS:
                raise _too_deep()
            before = self._values
            self._add(1)
            node = super().compose_node(parent, index)
            if event.anchor is not None:
                self._sizes[event.anchor] = self._values - before
            self._level -= 1
            return node

        def compose_scalar_node(self, anchor):
            node = super().compose_scalar_node(anchor)
            # Long numbers to the base of 60 (`1:30`) take minutes to convert.
            if len(node.value) > _MOST_CHARACTERS_OF_A_NUMBER and (
                node.tag.endswith((":int", ":float"))
            ):
                raise ValueError(f"a number of {len(node.value)} characters")
            return node

        def compose_mapping_node(self, anchor):
            node = super().compose_mapping_node(anchor)
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen:
                    raise yaml.composer.ComposerError(
                        None,
                        None,
                        f"the key {key.value!r} occurs twice",
                        key.start_mark,
                    )
                seen.add(key.value)
            return node

        def _add(self, values):
            self._values += values
            if self._values > _MOST_VALUES_OF_YAML:
                raise ValueError(
                    f"more than {_MOST_VALUES_OF_YAML} values, {_HOSTILE}"
                )

        def _size_of(self, anchor):
            # An anchor without a size is still being composed, so it contains
            # this alias. PyYAML refuses unknown anchors.
            if anchor in self.anchors and anchor not in self._sizes:
                raise ValueError(f"*{anchor} refers to itself")
            return self._sizes.get(anchor, 1)

    return Loader
