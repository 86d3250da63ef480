"""Files that others have published, brought here with care."""

from keras_vidrec.weights.downloads.fetching import fetch
from keras_vidrec.weights.downloads.fetching import is_offline
from keras_vidrec.weights.downloads.published_file import PublishedFile
from keras_vidrec.weights.downloads.store import find

__all__ = ["PublishedFile", "fetch", "find", "is_offline"]


def __dir__():
    return __all__
