"""Prepares docstrings for the reference."""

import re

import griffe

# The text after `Example:`, which is not indented in Keras' style.
_SESSION = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
# What is returned; a colon in it would end a type, so that an empty one is set
# in front, and the type is that of the signature.
_RETURNED = re.compile(r"^((?:Returns|Yields):\n +)(?=\S)", re.MULTILINE)


class Sessions(griffe.Extension):
    """Makes code blocks of interpreter examples, which would be quotes in
    Markdown, and keeps the text of "Returns" together."""

    def on_instance(self, *, obj, **kwargs):
        if obj.docstring:
            value = _SESSION.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
            obj.docstring.value = _RETURNED.sub(r"\g<1>: ", value)
