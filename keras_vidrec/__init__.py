"""Two-stream video action recognition for Keras.

`import keras_vidrec` registers every layer, so that `keras.models.load_model`
reads the networks of this package. The other rooms (`data`, `flow`, `training`,
`evaluation`, `visualization`, `export`) are imported when they are first used.
"""

import importlib
import pathlib
import sys

from keras_vidrec.version import __version__

_LAZY = ("data", "evaluation", "export", "flow", "training", "visualization")


def _is_command_line():
    """Whether `vidrec` or `python -m keras_vidrec` is starting.

    It must answer `--help` at once, and Keras takes seconds to import: each
    command imports what it needs.
    """
    if pathlib.PurePath(sys.argv[0]).name in ("vidrec", "vidrec.exe"):
        return True
    return sys.orig_argv[1:3] == ["-m", "keras_vidrec"]


if not _is_command_line():
    from keras_vidrec import applications
    from keras_vidrec import backbones
    from keras_vidrec import layers
    from keras_vidrec import weights
    from keras_vidrec.applications.parts.head import describe
    from keras_vidrec.specs.clip_spec import ClipSpec


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"keras_vidrec.{name}")
    raise AttributeError(f"module 'keras_vidrec' has no attribute {name!r}")


__all__ = [
    "ClipSpec",
    "__version__",
    "applications",
    "backbones",
    "data",
    "describe",
    "evaluation",
    "export",
    "flow",
    "layers",
    "training",
    "visualization",
    "weights",
]
