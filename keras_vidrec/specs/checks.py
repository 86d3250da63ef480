"""The one set of checks for arguments, and whose words their errors use."""

import collections.abc
import contextlib
import difflib
import importlib
import importlib.metadata
import json
import os
import pathlib
import shlex
import typing

_MOST_SHOWN = 1000
_PACKAGE = "keras-vidrec"
_ROOT = pathlib.Path(__file__).parents[2]


class ArgumentError(ValueError):
    """A value that an argument must not have.

    Args:
        name: str. The argument as its caller wrote it.
        expected: str. What it may be, in words.
        received: what came.
        owner: str. What the argument belongs to, such as `" of a clip
            specification"`; `""` for the arguments of a call.
    """

    def __init__(
        self, name: str, expected: str, received: typing.Any, owner: str = ""
    ) -> None:
        super().__init__(
            f"Invalid `{name}`{owner}. Expected {expected}. Received: "
            f"{name}={shorten(repr(received))}"
        )
        self.name = name
        self.expected = expected
        self.received = received
        self.owner = owner


@contextlib.contextmanager
def names(**by_caller: str) -> collections.abc.Iterator[None]:
    """Errors inside speak of the caller's own arguments.

    A builder passes its arguments to layers that use other names; errors must
    name those of the builder:

    >>> with checks.names(mode="consensus"):
    ...     ConsensusLayer(consensus)
    """
    try:
        yield
    except ArgumentError as error:
        if error.name not in by_caller:
            raise
        raise ArgumentError(
            by_caller[error.name], error.expected, error.received, error.owner
        ) from None


@contextlib.contextmanager
def inside(prefix: str, owner: str = "") -> collections.abc.Iterator[None]:
    """Errors inside name arguments by where they stand, such as
    `network.arguments.dropout` with the prefix `network.arguments.`."""
    try:
        yield
    except ArgumentError as error:
        raise ArgumentError(
            prefix + error.name, error.expected, error.received, owner
        ) from None


@contextlib.contextmanager
def about(path: str | os.PathLike[str]) -> collections.abc.Iterator[None]:
    """Errors inside name the file that they are about, whose content may fill
    no error."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        if pathlib.PurePath(path).name in text and len(text) <= _MOST_SHOWN:
            raise
        raise ValueError(f"{path}: {shorten(text)}") from error


def check(
    condition: typing.Any,
    name: str,
    expected: str,
    received: typing.Any,
    owner: str = "",
) -> None:
    """Raises an `ArgumentError` unless the condition holds."""
    if not condition:
        raise ArgumentError(name, expected, received, owner)


def choice(
    name: str,
    value: typing.Any,
    choices: collections.abc.Iterable,
    owner: str = "",
) -> None:
    """Checks that a value is one of some named ones."""
    known = any(
        value is one or (type(value) is type(one) and value == one)
        for one in choices
    )
    check(known, name, f"one of {tuple(choices)}", value, owner)


def count(
    name: str, value: typing.Any, minimum: int = 1, owner: str = ""
) -> None:
    """Checks for an integer, which is no truth value, from `minimum` on."""
    expected = {
        0: "a non-negative integer",
        1: "a positive integer",
    }.get(minimum, f"an integer of at least {minimum}")
    check(is_integer(value) and value >= minimum, name, expected, value, owner)


def odd(name: str, value: typing.Any, owner: str = "") -> None:
    """Checks for a positive odd integer, such as the size of a kernel."""
    check(
        is_integer(value) and value > 0 and value % 2,
        name,
        "a positive odd integer",
        value,
        owner,
    )


def number(
    name: str,
    value: typing.Any,
    low: float | None = None,
    high: float | None = None,
    owner: str = "",
) -> None:
    """Checks for a number of at least `low` and at most `high`."""
    bounds = " and ".join(
        f"{word} {bound}"
        for word, bound in (("of at least", low), ("at most", high))
        if bound is not None
    )
    fits = (
        is_number(value)
        and (low is None or value >= low)
        and (high is None or value <= high)
    )
    check(fits, name, f"a number {bounds}".strip(), value, owner)


def positive(name: str, value: typing.Any, owner: str = "") -> None:
    """Checks for a number above zero."""
    check(
        is_number(value) and value > 0, name, "a positive number", value, owner
    )


def rate(name: str, value: typing.Any, owner: str = "") -> None:
    """Checks for a rate of dropout, in [0, 1)."""
    check(
        is_number(value) and 0 <= value < 1, name, "a rate in [0, 1)", value,
        owner,
    )  # fmt: skip


def flag(name: str, value: typing.Any, owner: str = "") -> None:
    """Checks for `True` or `False`."""
    check(isinstance(value, bool), name, "true or false", value, owner)


def shorten(text: str) -> str:
    """A text for an error, which a value of any length would fill: at most
    1000 characters, and how many it had."""
    if len(text) <= _MOST_SHOWN:
        return text
    return f"{text[:_MOST_SHOWN]}... ({len(text)} characters)"


def fields(
    known: collections.abc.Iterable[str], values: typing.Any, what: str
) -> None:
    """Refuses fields that a specification does not have.

    Args:
        known: iterable of str.
        values: mapping by name.
        what: str. What has the fields, such as `"a clip specification"`.
    """
    if not isinstance(values, dict):
        raise ValueError(
            f"Expected the fields of {what}. Received: {shorten(repr(values))}"
        )
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(
            f"Unknown fields of {what}. Expected some of {sorted(known)}. "
            f"Received: {shorten(repr(unknown))}"
        )


def known(
    what: str,
    name: typing.Any,
    names: collections.abc.Iterable[str],
    prefix: str = "",
) -> None:
    """Refuses an unknown name, and suggests the nearest one.

    Args:
        what: str. What has the names, such as `"step"`.
        name: the name that came.
        names: collection of str.
        prefix: str. What stands before each in the caller's words, such as
            `"schedule."`.
    """
    if name in names:
        return
    near = difflib.get_close_matches(str(name), sorted(names), 1, 0.7)
    hint = f"Did you mean {prefix + near[0]!r}? " if near else ""
    raise ValueError(
        f"Unknown {what} {prefix + str(name)!r}. {hint}Expected one of "
        f"{sorted(names)}. Received: {shorten(repr(prefix + str(name)))}"
    )


def installed(extra: str, modules: collections.abc.Iterable[str]) -> None:
    """Checks that the libraries of an extra of this package are there.

    Args:
        extra: str. Its name in `setup.cfg`, such as `"onnx"`.
        modules: iterable of str. The modules that are imported.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ValueError(
                f"Expected the libraries of the extra {extra!r}: "
                f"{how_to_install(extra)}. Received: {error}"
            ) from error


def how_to_install(extra: str) -> str:
    """The command that adds an extra of this package.

    It names what the package was installed from: a checkout, a directory, a
    repository or a file; the package index otherwise.

    Args:
        extra: str. Its name in `setup.cfg`, such as `"onnx"`.
    """
    if (_ROOT / "setup.cfg").is_file():
        return f"pip install --editable {shlex.quote(f'{_ROOT}[{extra}]')}"
    source = f"{_PACKAGE}[{extra}]{_installed_from()}"
    return f"pip install {shlex.quote(source)}"


def _installed_from() -> str:
    """What a requirement of this package ends with, as pip keeps it (PEP 610);
    `""` for the package index."""
    try:
        found = importlib.metadata.distribution(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return ""
    source = json.loads(found.read_text("direct_url.json") or "{}")
    if "url" not in source:
        return ""
    repository = source.get("vcs_info")
    if repository is None:
        return f" @ {source['url']}"
    commit = repository.get("requested_revision", repository["commit_id"])
    return f" @ {repository['vcs']}+{source['url']}@{commit}"


def counted(number: int, noun: str) -> str:
    """A number and what it counts, in words: "1 class", "2 classes"."""
    end = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{end}"


def is_rising_pair(values: typing.Any, high: float | None = None) -> bool:
    """Whether it is a tuple of two positive numbers, the second at least the
    first, and at most `high`."""
    return (
        isinstance(values, tuple)
        and len(values) == 2
        and all(map(is_number, values))
        and 0 < values[0] <= values[1]
        and (high is None or values[1] <= high)
    )


def is_integer(value: typing.Any) -> bool:
    """Whether it is an `int`, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: typing.Any) -> bool:
    """Whether it is an `int` or a `float`, and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
