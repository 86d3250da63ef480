"""Two-stream video action recognition for Keras.

Each room is imported when it is first used. Layers are the exception: they
are registered as soon as Keras is there, so that `keras.models.load_model`
reads the networks of this package.
"""

import typing

from keras_vidrec import lazy
from keras_vidrec.version import __version__ as __version__

if typing.TYPE_CHECKING:
    from keras_vidrec import applications as applications
    from keras_vidrec import backbones as backbones
    from keras_vidrec import data as data
    from keras_vidrec import evaluation as evaluation
    from keras_vidrec import export as export
    from keras_vidrec import flow as flow
    from keras_vidrec import layers as layers
    from keras_vidrec import learning as learning
    from keras_vidrec import recognition as recognition
    from keras_vidrec import reporting as reporting
    from keras_vidrec import reproduction as reproduction
    from keras_vidrec import serving as serving
    from keras_vidrec import specs as specs
    from keras_vidrec import training as training
    from keras_vidrec import videos as videos
    from keras_vidrec import visualization as visualization
    from keras_vidrec import weights as weights
    from keras_vidrec.applications.parts.head import describe as describe
    from keras_vidrec.recognition.recognizer import Recognizer as Recognizer
    from keras_vidrec.specs import ClipSpec as ClipSpec
    from keras_vidrec.training.clips import clips as clips
    from keras_vidrec.training.loading import load as load

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "ClipSpec": "specs",
        "Recognizer": "recognition.recognizer",
        "applications": None,
        "backbones": None,
        "clips": "training.clips",
        "data": None,
        "describe": "applications.parts.head",
        "evaluation": None,
        "export": None,
        "flow": None,
        "layers": None,
        "learning": None,
        "load": "training.loading",
        "recognition": None,
        "reporting": None,
        "reproduction": None,
        "serving": None,
        "specs": None,
        "training": None,
        "videos": None,
        "visualization": None,
        "weights": None,
    },
)

lazy.register_layers()
