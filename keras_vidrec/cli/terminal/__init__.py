"""Output of the commands on the terminal."""

from keras_vidrec import lazy
from keras_vidrec.cli.terminal.output import Commands
from keras_vidrec.cli.terminal.output import LogFormatter
from keras_vidrec.cli.terminal.output import echo
from keras_vidrec.cli.terminal.output import escaped
from keras_vidrec.cli.terminal.startup import load_backend
from keras_vidrec.cli.terminal.startup import progress

__all__ = [
    "Commands",
    "LogFormatter",
    "echo",
    "escaped",
    "load_backend",
    "progress",
]
lazy.close(__name__, __all__)
