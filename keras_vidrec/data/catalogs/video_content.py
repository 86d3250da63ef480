"""Decides whether a file is a video: by its extension if that is known, else by
its content."""

import functools
import os

import av

from keras_vidrec.videos import opening
from keras_vidrec.videos.errors import VideoError

# Extensions that only videos have.
VIDEO_SUFFIXES = (
    ".264",
    ".265",
    ".3g2",
    ".3gp",
    ".3gpp",
    ".amv",
    ".asf",
    ".avi",
    ".divx",
    ".dv",
    ".evo",
    ".f4v",
    ".flv",
    ".gif",
    ".gxf",
    ".h264",
    ".h265",
    ".hevc",
    ".ivf",
    ".m1v",
    ".m2t",
    ".m2ts",
    ".m2v",
    ".m4v",
    ".mj2",
    ".mjpeg",
    ".mjpg",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpe",
    ".mpeg",
    ".mpg",
    ".mts",
    ".mxf",
    ".nut",
    ".ogm",
    ".ogv",
    ".qt",
    ".rmvb",
    ".vob",
    ".webm",
    ".wmv",
    ".wtv",
    ".xvid",
    ".y4m",
)

# Extensions of files that are not opened, because there may be millions.
_OTHER_SUFFIXES = frozenset(
    # Pictures
    ".bmp .heic .jpe .jpeg .jpg .pgm .png .ppm .psd .svg .tif .tiff .webp "
    # Sound
    ".aac .aif .aiff .flac .m4a .mid .mp3 .opus .wav .wma "
    # Text, and programs
    ".ass .bat .c .cfg .cpp .css .csv .doc .docx .eaf .htm .html .ini .ipynb "
    ".js .json .jsonl .log .m .md .pdf .ppt .pptx .py .pyc .rst .rtf .sh .srt "
    ".sub .toml .tsv .txt .vtt .xls .xlsx .xml .yaml .yml "
    # Playlists
    ".ffconcat .m3u .m3u8 .mpd .pls .xspf "
    # Arrays, archives, databases, networks
    ".7z .bz2 .ckpt .db .exe .gz .h5 .hdf5 .index .iso .keras .lmdb .mat .mdb "
    ".npy .npz .onnx .parquet .pb .pickle .pkl .pt .pth .rar .sqlite .tar "
    ".tflite .tfrecord .tgz .torrent .xz .zip".split()
)

# Containers of videos. A file with an unknown extension must be one of these,
# because FFmpeg also reads pictures, texts and raw streams as video.
_CONTAINERS = set(
    "asf,avi,dv,ea,flv,gif,gxf,ivf,live_flv,matroska,webm,mov,mp4,m4a,3gp,"
    "3g2,mj2,mpeg,mpegts,mv,mxf,nsv,nut,nuv,ogg,rm,roq,smk,bink,swf,vivo,wtv,"
    "yuv4mpegpipe,amv,pva,ty,dhav,cine,r3d,film_cpk,flic,xmv,wc3movie".split(
        ","
    )
)


def has_video_suffix(name: str) -> bool:
    """Whether a name has an extension that only videos have."""
    return name.lower().endswith(VIDEO_SUFFIXES)


def has_other_suffix(name: str) -> bool:
    """Whether a name has an extension of files that are not videos."""
    return os.path.splitext(name)[1].lower() in _OTHER_SUFFIXES


def is_video(path) -> bool:
    """Whether the content of a file is a video, whatever its name is. The file
    is opened but not decoded; files to which it refers are not opened."""
    status = os.stat(path)
    return _is_video(os.fspath(path), status.st_size, status.st_mtime_ns)


def duration(path) -> float | None:
    """The duration of a video in seconds according to its header, or `None` if
    the file cannot be opened or does not state it."""
    try:
        with opening.opened(path) as (container, _):
            return container.duration and container.duration / av.time_base
    except VideoError:
        return None


@functools.lru_cache(maxsize=2**16)
def _is_video(path: str, size: int, _changed: int) -> bool:
    if not size:
        return False
    try:
        with opening.opened(path) as (container, _):
            return not _CONTAINERS.isdisjoint(container.format.name.split(","))
    except VideoError:
        return False
