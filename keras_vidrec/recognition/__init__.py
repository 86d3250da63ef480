"""A trained network as one object, for all its uses."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.recognition.evaluation import Evaluation as Evaluation
    from keras_vidrec.recognition.predictions import Predictions as Predictions
    from keras_vidrec.recognition.recognizer import Recognizer as Recognizer

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Evaluation": "recognition.evaluation",
        "Predictions": "recognition.predictions",
        "Recognizer": "recognition.recognizer",
    },
)
