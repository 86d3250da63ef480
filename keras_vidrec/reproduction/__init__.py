"""Tables of the papers, made again beside the printed ones."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.reproduction.estimate import estimate as estimate
    from keras_vidrec.reproduction.generated import generate as generate
    from keras_vidrec.reproduction.plan import make as make
    from keras_vidrec.reproduction.workshop import Workshop as Workshop

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Workshop": "reproduction.workshop",
        "estimate": "reproduction.estimate",
        "generate": "reproduction.generated",
        "make": "reproduction.plan",
    },
)
