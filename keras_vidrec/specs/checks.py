"""Checks of arguments, and errors that name the caller's own arguments."""

import collections.abc
import contextlib
import difflib
import importlib
import importlib.metadata
import os
import pathlib
import shlex
import typing

_MOST_SHOWN = 1000
_PACKAGE = "keras-vidrec"
_ROOT = pathlib.Path(__file__).parents[2]


class ArgumentError(ValueError):
    """An argument has an invalid value.

    Args:
        name: str. The argument as the caller wrote it.
        expected: str. Description of the valid values.
        received: the invalid value.
        owner: str. What the argument belongs to, such as `" of a preset"`;
            `""` for the arguments of a call. Defaults to `""`.
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
    """Renames arguments in errors raised inside this context.

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
    """Adds a prefix to the argument in errors raised inside this context, such
    as `network.arguments.` for `network.arguments.dropout`."""
    try:
        yield
    except ArgumentError as error:
        raise ArgumentError(
            prefix + error.name, error.expected, error.received, owner
        ) from None


@contextlib.contextmanager
def about(path: str | os.PathLike[str]) -> collections.abc.Iterator[None]:
    """Adds the path of a file to errors raised inside this context, and
    shortens them, because they may quote the content of the file."""
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
    """Checks that a value is one of `choices`."""
    known = any(
        value is one or (type(value) is type(one) and value == one)
        for one in choices
    )
    check(known, name, f"one of {tuple(choices)}", value, owner)


def count(
    name: str, value: typing.Any, minimum: int = 1, owner: str = ""
) -> None:
    """Checks for an integer of at least `minimum`; a bool is an error."""
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
    """Checks for a dropout rate, in [0, 1)."""
    check(
        is_number(value) and 0 <= value < 1, name, "a rate in [0, 1)", value,
        owner,
    )  # fmt: skip


def rates(
    name: str, value: typing.Any, streams: collections.abc.Collection[str]
) -> None:
    """Checks for a dropout rate, or a mapping with one for each stream."""
    if not isinstance(value, collections.abc.Mapping):
        return rate(name, value)
    check(
        set(value) == set(streams)
        and all(is_number(one) and 0 <= one < 1 for one in value.values()),
        name,
        f"a rate in [0, 1), or one for each of {tuple(streams)}",
        value,
    )


def seconds(name: str, value: typing.Any, most: float | None = None) -> float:
    """Returns the seconds that a number or a str such as `"2s"`, `"0.5s"` or
    `"2"` states. Checks that they are above 0 and at most `most`."""
    try:
        found = float(str(value).removesuffix("s"))
    except ValueError:
        found = 0.0
    bound = "" if most is None else f", at most {most:g}s"
    fits = 0 < found < float("inf") and (most is None or found <= most)
    check(fits, name, f"seconds such as 2s{bound}", value)
    return found


def flag(name: str, value: typing.Any, owner: str = "") -> None:
    """Checks for `True` or `False`."""
    check(isinstance(value, bool), name, "true or false", value, owner)


def shorten(text: str) -> str:
    """Returns a text for an error message: its first 1000 characters, followed
    by its length if it has more."""
    if len(text) <= _MOST_SHOWN:
        return text
    return f"{text[:_MOST_SHOWN]}... ({len(text)} characters)"


def fields(
    known: collections.abc.Iterable[str], values: typing.Any, what: str
) -> None:
    """Refuses fields that a specification does not have.

    Args:
        known: iterable of str. The valid names.
        values: dict from names to values.
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
    """Refuses an unknown name, with a `hint`.

    Args:
        what: str. What has the names, such as `"step"`.
        name: the name received.
        names: collection of str. The valid names.
        prefix: str. What the caller writes before each name, such as
            `"schedule."`. Defaults to `""`.
    """
    if name in names:
        return
    raise ValueError(
        f"Unknown {what} {prefix + str(name)!r}. {hint(name, names, prefix)}"
        f"Expected one of {sorted(names)}. Received: "
        f"{shorten(repr(prefix + str(name)))}"
    )


def hint(
    name: typing.Any, names: collections.abc.Iterable[str], prefix: str = ""
) -> str:
    """Returns a question that suggests the name nearest to an unknown one,
    followed by a space; `""` if none is similar. Case is ignored.

    Args:
        name, names, prefix: as for `known`.
    """
    by_lower = {one.lower(): one for one in sorted(names)}
    lower = str(name)[:_MOST_SHOWN].lower()
    near = difflib.get_close_matches(lower, by_lower, 1)
    return f"Did you mean {prefix + by_lower[near[0]]!r}? " if near else ""


def installed(extra: str, modules: collections.abc.Iterable[str]) -> None:
    """Checks that the libraries of an extra of this package are installed.

    Args:
        extra: str. Its name in `setup.cfg`, such as `"onnx"`.
        modules: iterable of str. The modules to import.
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
    """Returns the command that installs an extra of this package.

    It names the source of the installation: a checkout, a directory, a
    repository or a file; otherwise only the package, for the package index.

    Args:
        extra: str. Its name in `setup.cfg`, such as `"onnx"`.
    """
    if (_ROOT / "setup.cfg").is_file():
        return f"pip install --editable {shlex.quote(f'{_ROOT}[{extra}]')}"
    source = f"{_PACKAGE}[{extra}]{_installed_from()}"
    return f"pip install {shlex.quote(source)}"


def _installed_from() -> str:
    """Returns the end of a requirement of this package, ` @ URL`, from what pip
    recorded (PEP 610); `""` for the package index."""
    try:
        found = importlib.metadata.distribution(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return ""
    from keras_vidrec.specs import documents  # which imports this module

    source = documents.parse_json(found.read_text("direct_url.json") or "{}")
    if "url" not in source:
        return ""
    repository = source.get("vcs_info")
    if repository is None:
        return f" @ {source['url']}"
    commit = repository.get("requested_revision", repository["commit_id"])
    return f" @ {repository['vcs']}+{source['url']}@{commit}"


def counted(number: int, noun: str) -> str:
    """Returns a number and what it counts: "1 class", "2 classes"."""
    end = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{end}"


def is_rising_pair(values: typing.Any, high: float | None = None) -> bool:
    """Whether it is a tuple of two positive numbers in ascending order, the
    second at most `high` (`None`: no limit)."""
    return (
        isinstance(values, tuple)
        and len(values) == 2
        and all(map(is_number, values))
        and 0 < values[0] <= values[1]
        and (high is None or values[1] <= high)
    )


def is_integer(value: typing.Any) -> bool:
    """Whether it is an `int` other than a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: typing.Any) -> bool:
    """Whether it is an `int` or a `float` other than a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
