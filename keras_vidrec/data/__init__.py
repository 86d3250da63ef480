"""From video files to clips: catalogs, decoding, prepared datasets, sampling,
augmentation, and the input pipeline."""

import importlib

_MODULES = (
    "augmentation",
    "catalog",
    "chunk_sampling",
    "clip_reader",
    "color_jitter",
    "feature_reader",
    "feature_record",
    "feature_settings",
    "feature_writer",
    "features",
    "frame_folders",
    "frame_size",
    "inspection",
    "opening",
    "packing",
    "pipeline",
    "prepare",
    "prepared_dataset",
    "prepared_video",
    "record_stream",
    "records",
    "sampling",
    "source",
    "synthetic",
    "video",
    "video_files",
)


def __getattr__(name):
    # Few modules need TensorFlow: nobody pays for it who reads videos.
    if name in _MODULES:
        return importlib.import_module(f"keras_vidrec.data.{name}")
    raise AttributeError(
        f"module 'keras_vidrec.data' has no attribute {name!r}"
    )
