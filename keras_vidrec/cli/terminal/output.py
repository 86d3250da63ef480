"""What is shown on the terminal: names of videos and classes are those of
strangers, and no commands to it."""

import contextlib
import logging
import re

import typer
from typer.core import TyperGroup

# Its bases are not shown everywhere by the same name.
(_UsageError,) = typer.BadParameter.__bases__

# What a terminal obeys; what turns the order of what is read (Trojan source);
# what ends lines; and halves of characters, which no stream takes. Line breaks
# and tabs are left: reports are made of them.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff]"
)


def escaped(text):
    """A text that can be shown: `\\x1b` for an escape, as in Python. JSON stays
    JSON."""
    return _OBEYED.sub(_as_digits, str(text))


def echo(text="", *, err=False, nl=True, bold=False):
    """Prints a text; all output of the commands uses this function.

    Args:
        text: what is shown, escaped.
        err: bool. Whether on the stream of errors. Defaults to `False`.
        nl: bool. Whether the line ends. Defaults to `True`.
        bold: bool. Defaults to `False`.
    """
    text = escaped(text)
    typer.echo(typer.style(text, bold=True) if bold else text, err=err, nl=nl)


class LogFormatter(logging.Formatter):
    """Lines of what is logged: the message, escaped."""

    def format(self, record):
        return escaped(super().format(record))


class Commands(TyperGroup):
    """Commands whose errors of use, which quote what was given, are shown
    escaped."""

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


def _as_digits(match):
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"
