"""From video files to clips: catalogs, decoding, sampling, augmentation, and
the input pipeline."""

import importlib

_MODULES = (
    "augmentation",
    "catalog",
    "clip_reader",
    "color_jitter",
    "pipeline",
    "sampling",
    "source",
    "synthetic",
    "video",
    "video_files",
)


def __getattr__(name):
    # Only the pipeline needs TensorFlow: nobody pays for it who reads videos.
    if name in _MODULES:
        return importlib.import_module(f"keras_vidrec.data.{name}")
    raise AttributeError(
        f"module 'keras_vidrec.data' has no attribute {name!r}"
    )
