"""Prepares docstrings for the reference."""

import re

import griffe

# The text after `Example:`, which is not indented in Keras' style.
_SESSION = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class Sessions(griffe.Extension):
    """Makes code blocks of interpreter examples, which would be quotes in
    Markdown."""

    def on_instance(self, *, obj, **kwargs):
        if obj.docstring:
            obj.docstring.value = _SESSION.sub(
                r"```pycon\n\g<0>\n```", obj.docstring.value
            )
