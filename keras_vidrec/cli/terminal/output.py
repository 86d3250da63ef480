"""Prints text to the terminal. Names of videos and classes may contain control
characters, which are escaped."""

import contextlib
import logging
import re

import typer
from typer.core import TyperGroup

# The public name of this class differs between releases of Typer.
(_UsageError,) = typer.BadParameter.__bases__

# Control characters, characters that change the direction of text (Trojan
# source), line separators, and surrogates, which cannot be encoded. Line breaks
# and tabs are not escaped, because the output contains them.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff]"
)


def escaped(text):
    """Returns a text with escaped control characters, such as `\\x1b`, as in
    Python. JSON remains valid JSON."""
    return _OBEYED.sub(_as_digits, str(text))


def echo(text="", *, err=False, nl=True, bold=False):
    """Prints a text; all output of the commands uses this function.

    Args:
        text: object whose text is printed, escaped. Defaults to `""`.
        err: bool. Whether to print to stderr. Defaults to `False`.
        nl: bool. Whether to end the line. Defaults to `True`.
        bold: bool. Whether to print in bold. Defaults to `False`.
    """
    text = escaped(text)
    typer.echo(typer.style(text, bold=True) if bold else text, err=err, nl=nl)


class LogFormatter(logging.Formatter):
    """Formats log records as their message, escaped."""

    def format(self, record):
        return escaped(super().format(record))


class Commands(TyperGroup):
    """A group of commands. Usage errors, which quote arguments, are escaped."""

    def make_context(self, *args, **kwargs):
        with _escaped_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx):
        with _escaped_errors():
            return super().invoke(ctx)


@contextlib.contextmanager
def _escaped_errors():
    try:
        yield
    except _UsageError as error:
        error.message = escaped(error.message)
        raise


def _as_digits(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"
