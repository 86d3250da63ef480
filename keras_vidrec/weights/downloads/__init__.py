"""Verified downloads of published files."""

from keras_vidrec import lazy
from keras_vidrec.weights.downloads.fetching import fetch
from keras_vidrec.weights.downloads.hub import fetch_saved
from keras_vidrec.weights.downloads.hub import is_on_hub
from keras_vidrec.weights.downloads.published_file import PublishedFile
from keras_vidrec.weights.downloads.store import find
from keras_vidrec.weights.downloads.web import is_offline
from keras_vidrec.weights.downloads.web import why_unreachable

__all__ = [
    "PublishedFile",
    "fetch",
    "fetch_saved",
    "find",
    "is_offline",
    "is_on_hub",
    "why_unreachable",
]
lazy.close(__name__, __all__)
