"""A recognizer as an HTTP service, and a demo page."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.serving.demo.page import Demo as Demo
    from keras_vidrec.serving.limits import Limits as Limits
    from keras_vidrec.serving.server import create_app as create_app
    from keras_vidrec.serving.server import serve as serve

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Demo": "serving.demo.page",
        "Limits": "serving.limits",
        "create_app": "serving.server",
        "serve": "serving.server",
    },
)
