"""Opens a directory as a source. Only this module distinguishes videos, frame
folders, prepared datasets and features.
"""

import os
import typing

from keras_vidrec.data.catalogs import background as backgrounds
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.catalogs import frame_lists
from keras_vidrec.data.catalogs import frame_tree
from keras_vidrec.data.catalogs import video_tree
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources import features
from keras_vidrec.data.sources.frame_folders import FrameFolders
from keras_vidrec.data.sources.records import Records
from keras_vidrec.data.sources.source import Source
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import checks


class Opened(typing.NamedTuple):
    """An opened dataset.

    Args:
        kind: str. `"prepared"`, `"features"`, `"frames"` or `"videos"`.
        source: `Source`.
        catalog: `Catalog` of the videos of `source`, in its order, with the
            splits.
    """

    kind: str
    source: Source
    catalog: catalogs.Catalog


def open_dataset(
    directory: str | os.PathLike[str],
    *,
    layout: str = "auto",
    videos_list: str | os.PathLike[str] | None = None,
    splits: str | os.PathLike[str] | None = None,
    test_fraction: float = 0.25,
    flow: FlowSpec | None = None,
    background: bool = False,
    images_only: bool = False,
) -> Opened:
    """Opens a dataset: one prepared by `vidrec prepare`, features by `vidrec
    features`, a directory of videos, or one of frame folders.

    A directory with a `dataset.json` is one of the first two kinds. Otherwise,
    a directory with a video file at any depth is one of videos, and one with
    numbered images one of frame folders. In object stores and on web servers
    the first two kinds, and the videos of a list, can be read directly.

    Args:
        directory: path, or a URL (see `storage.as_path`).
        layout: str. As for `catalog.discover`. Defaults to `"auto"`.
        videos_list: `None`, or path or URL of a list, as for
            `catalog.from_list` or, for frame folders, for `frame_lists`.
            Defaults to `None`.
        splits: `None`, or path of a directory of split files; for frame
            folders it may contain lists for `frame_lists`. Defaults to `None`.
        test_fraction: float between 0 and 1. Share of the clips for the test if
            no split is given. Defaults to `0.25`.
        flow: `None`, or `FlowSpec`: how flow is computed when videos are read.
            Not used for the other kinds of datasets. Defaults to `None`.
        background: bool. Whether to add a class of the parts of video files
            outside the segments of a list, see `background.add`. Defaults to
            `False`.
        images_only: bool. Whether to refuse features. Defaults to `False`.

    Returns:
        `Opened`.

    Raises:
        ValueError: if there is no dataset, the arguments cannot be used with
            its kind, or it contains features and `images_only`.
        OSError: if it cannot be read from an object store.
    """
    directory = storage.as_path(directory)
    kind, folders = _look(directory, videos_list)
    if background and kind != "videos":
        raise ValueError(
            "Background clips are made from video files; a prepared dataset "
            "contains them if it was made by `vidrec prepare --background`. "
            "Expected background=False. Received: background=True of "
            f"{directory}"
        )
    if kind == "prepared":
        opened = _open_prepared(directory, layout, videos_list, splits)
        if images_only and opened.kind == "features":
            raise ValueError(
                "Expected videos, frame folders, or a dataset of images. "
                f"Received: {directory}, a dataset of features, which contains "
                "no images"
            )
        return opened
    arguments: dict[str, typing.Any] = {
        "layout": layout,
        "videos_list": videos_list,
        "splits": splits,
        "test_fraction": test_fraction,
    }
    if kind == "frames":
        return _open_frames(directory, folders, **arguments)
    with checks.names(root="directory"):
        catalog = catalogs.discover(directory, **arguments)
    if background:
        catalog = backgrounds.add(catalog)
    return Opened(kind, VideoFiles(catalog, flow=flow), catalog)


def holds_features(directory) -> bool:
    """Whether a directory or URL is a finished dataset of features."""
    directory = storage.as_path(directory)
    if not prepared_dataset.is_prepared(directory):
        return False
    return features.is_of_features(prepared_dataset.load(directory))


def _look(directory, videos_list):
    """Returns the kind of a dataset, and what `frame_tree.find` returns if the
    kind is `"frames"`, else `None`. Datasets of features are `"prepared"`."""
    if isinstance(directory, storage.RemotePath):
        # Object stores are not searched for videos.
        named = videos_list is not None
        if named and not prepared_dataset.is_prepared(directory):
            return "videos", None
        return "prepared", None
    if prepared_dataset.is_prepared(directory):
        return "prepared", None
    if directory.is_dir() and not video_tree.find_videos(directory):
        folders = frame_tree.find(directory)
        if folders:
            return "frames", folders
    return "videos", None


def _open_prepared(directory, layout, videos_list, splits):
    if videos_list is not None or splits is not None or layout != "auto":
        raise ValueError(
            "A prepared dataset contains its classes and splits. Expected "
            f"no list, split files or layout. Received: {str(directory)!r} "
            f"with layout={layout!r}, videos_list={videos_list!r}, "
            f"splits={splits!r}"
        )
    if features.is_of_features(prepared_dataset.load(directory)):
        source = features.Features(directory)
        return Opened("features", source, source.catalog)
    source = Records(directory)
    return Opened("prepared", source, source.catalog)


def _open_frames(
    directory, folders, *, layout, videos_list, splits, test_fraction
):
    lists = None
    if layout in ("auto", "list") and videos_list is not None:
        lists = videos_list if frame_lists.is_list(videos_list) else None
    elif layout == "auto":
        lists = frame_lists.find_lists(splits or directory) or None
    if lists is not None:
        catalog = frame_lists.catalog(
            directory, folders, lists, test_fraction=test_fraction
        )
    else:
        catalog = catalogs.discover(
            directory,
            layout=layout,
            videos_list=videos_list,
            splits=splits,
            test_fraction=test_fraction,
            clips=tuple(folders),
        )
    return Opened("frames", FrameFolders(catalog, folders), catalog)
