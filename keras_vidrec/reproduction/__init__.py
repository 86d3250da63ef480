"""Reproduction of the papers' tables, next to the published figures."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.reproduction.estimation import estimate as estimate
    from keras_vidrec.reproduction.generated import generate as generate
    from keras_vidrec.reproduction.generated import give as give
    from keras_vidrec.reproduction.generated import given_paths as given_paths
    from keras_vidrec.reproduction.outcome import collect as collect
    from keras_vidrec.reproduction.outcome import write as write
    from keras_vidrec.reproduction.plan import make_plan as make_plan
    from keras_vidrec.reproduction.workshop import Workshop as Workshop

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Workshop": "reproduction.workshop",
        "collect": "reproduction.outcome",
        "estimate": "reproduction.estimation",
        "generate": "reproduction.generated",
        "give": "reproduction.generated",
        "given_paths": "reproduction.generated",
        "make_plan": "reproduction.plan",
        "write": "reproduction.outcome",
    },
)
