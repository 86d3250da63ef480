"""Trains a recognizer from a folder of videos, choosing the method
automatically.
"""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.learning.course import Learned as Learned
    from keras_vidrec.learning.course import learn as learn
    from keras_vidrec.learning.task import Task as Task

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Learned": "learning.course",
        "Task": "learning.task",
        "learn": "learning.course",
    },
)
