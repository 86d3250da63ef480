"""From video files to clips: catalogs, prepared datasets, sampling,
augmentation, and the input pipeline."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.data import augmentation as augmentation
    from keras_vidrec.data import inspection as inspection
    from keras_vidrec.data import pipeline as pipeline
    from keras_vidrec.data import synthetic as synthetic
    from keras_vidrec.data.catalogs.catalog import Catalog as Catalog
    from keras_vidrec.data.catalogs.catalog import discover as discover
    from keras_vidrec.data.catalogs.catalog import folder as folder
    from keras_vidrec.data.catalogs.catalog import from_list as from_list
    from keras_vidrec.data.catalogs.catalog import hmdb51 as hmdb51
    from keras_vidrec.data.catalogs.catalog import ucf101 as ucf101
    from keras_vidrec.data.catalogs.split import (
        carve_validation as carve_validation,
    )
    from keras_vidrec.data.opening import open_dataset as open_dataset
    from keras_vidrec.data.preparing.prepare import prepare as prepare
    from keras_vidrec.data.preparing.video import Preparation as Preparation
    from keras_vidrec.data.sources.features import Features as Features
    from keras_vidrec.data.sources.frame_array import Frames as Frames
    from keras_vidrec.data.sources.frame_folders import (
        FrameFolders as FrameFolders,
    )
    from keras_vidrec.data.sources.records import Records as Records
    from keras_vidrec.data.sources.video_files import VideoFiles as VideoFiles

# Lazy, so that reading videos does not import TensorFlow.
__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Catalog": "data.catalogs.catalog",
        "Features": "data.sources.features",
        "FrameFolders": "data.sources.frame_folders",
        "Frames": "data.sources.frame_array",
        "Preparation": "data.preparing.video",
        "Records": "data.sources.records",
        "VideoFiles": "data.sources.video_files",
        "augmentation": None,
        "carve_validation": "data.catalogs.split",
        "discover": "data.catalogs.catalog",
        "folder": "data.catalogs.catalog",
        "from_list": "data.catalogs.catalog",
        "hmdb51": "data.catalogs.catalog",
        "inspection": None,
        "open_dataset": "data.opening",
        "pipeline": None,
        "prepare": "data.preparing.prepare",
        "synthetic": None,
        "ucf101": "data.catalogs.catalog",
    },
)
