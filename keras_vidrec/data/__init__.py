"""From video files to clips: catalogs, prepared datasets, sampling,
augmentation, and the input pipeline."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.data import catalogs as catalogs
    from keras_vidrec.data import clips as clips
    from keras_vidrec.data import inspection as inspection
    from keras_vidrec.data import opening as opening
    from keras_vidrec.data import pipeline as pipeline
    from keras_vidrec.data import prepared as prepared
    from keras_vidrec.data import preparing as preparing
    from keras_vidrec.data import sources as sources
    from keras_vidrec.data import synthetic as synthetic

# Few modules need TensorFlow: nobody pays for it who reads videos.
__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "catalogs": None,
        "clips": None,
        "inspection": None,
        "opening": None,
        "pipeline": None,
        "prepared": None,
        "preparing": None,
        "sources": None,
        "synthetic": None,
    },
)
