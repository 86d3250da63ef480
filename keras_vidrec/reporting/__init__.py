"""One HTML page of what came out of a training and its test."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.reporting import report as report

__all__, __getattr__, __dir__ = lazy.attach(__name__, {"report": None})
