"""Video files and cameras: their properties, and their frames by index or in
sequence.
"""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.videos.camera_stream import CameraStream as CameraStream
    from keras_vidrec.videos.errors import VideoError as VideoError
    from keras_vidrec.videos.frame_stream import FileStream as FileStream
    from keras_vidrec.videos.health import Health as Health
    from keras_vidrec.videos.video import frame_times as frame_times
    from keras_vidrec.videos.video import iter_frames as iter_frames
    from keras_vidrec.videos.video import probe as probe
    from keras_vidrec.videos.video import read_frames as read_frames

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "CameraStream": "videos.camera_stream",
        "FileStream": "videos.frame_stream",
        "Health": "videos.health",
        "VideoError": "videos.errors",
        "frame_times": "videos.video",
        "iter_frames": "videos.video",
        "probe": "videos.video",
        "read_frames": "videos.video",
    },
)
