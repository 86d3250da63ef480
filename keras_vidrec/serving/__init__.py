"""A recognizer as an HTTP service, and a demo page."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.serving.demo.page import Demo as Demo

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Demo": "serving.demo.page",
    },
)
