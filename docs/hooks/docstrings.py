"""How the reference reads docstrings."""

import re

import griffe

# What stands under `Example:`, which Keras does not indent.
_SESSION = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
# What is returned; a colon in it would end a type, so that an empty one is set
# in front, and the type is that of the signature.
_RETURNED = re.compile(r"^((?:Returns|Yields):\n +)(?=\S)", re.MULTILINE)


class Sessions(griffe.Extension):
    """Fences examples of the interpreter, which Markdown takes for quotes, and
    keeps what is returned as one text."""

    def on_instance(self, *, obj, **kwargs):
        if obj.docstring:
            value = _SESSION.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
            obj.docstring.value = _RETURNED.sub(r"\g<1>: ", value)
