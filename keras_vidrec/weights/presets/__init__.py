"""Published networks by name."""

from keras_vidrec import lazy
from keras_vidrec.weights.presets.group import Group
from keras_vidrec.weights.presets.preset import Preset
from keras_vidrec.weights.presets.table import PREFIX
from keras_vidrec.weights.presets.table import find
from keras_vidrec.weights.presets.table import hint
from keras_vidrec.weights.presets.table import is_known
from keras_vidrec.weights.presets.table import named
from keras_vidrec.weights.presets.table import names
from keras_vidrec.weights.presets.table import presets

__all__ = [
    "Group",
    "PREFIX",
    "Preset",
    "find",
    "hint",
    "is_known",
    "named",
    "names",
    "presets",
]
lazy.close(__name__, __all__)
