"""Layers known to Keras as soon as there is Keras.

`keras.models.load_model` finds classes of other packages in Keras' registry
only; it does not import the modules that a `.keras` file names. So
`import keras_vidrec` has to register the layers, and must not pay seconds for
Keras where nobody uses it, as in `vidrec --help`. Both hold because nobody
loads a model before Keras is imported: where that is still to come, the layers
follow right after it.
"""

import importlib
import sys


def register_layers():
    """Registers the layers now, or once Keras has been imported."""
    if "keras" in sys.modules:
        importlib.import_module("keras_vidrec.layers")
    elif not any(isinstance(finder, _AfterKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterKeras())


class _AfterKeras:
    """A finder that finds Keras where all others do, and listens."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    self._listen(spec.loader)
                    return spec
        return None

    def _listen(self, loader):
        run = loader.exec_module

        def run_and_register(module):
            run(module)
            if module.__name__ != "keras":
                return  # of a loader that many modules share
            loader.__dict__.pop("exec_module", None)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            importlib.import_module("keras_vidrec.layers")

        loader.exec_module = run_and_register
