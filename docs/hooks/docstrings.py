"""How the reference reads docstrings."""

import re

import griffe

# What stands under `Example:`, which Keras does not indent.
_SESSION = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class Sessions(griffe.Extension):
    """Fences examples of the interpreter, which Markdown takes for quotes."""

    def on_instance(self, *, obj, **kwargs):
        if obj.docstring:
            obj.docstring.value = _SESSION.sub(
                r"```pycon\n\g<0>\n```", obj.docstring.value
            )
