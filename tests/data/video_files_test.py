import numpy as np

from keras_vidrec.data import catalog
from keras_vidrec.data import video
from keras_vidrec.data.source import Source
from keras_vidrec.data.video_files import VideoFiles


def test_is_a_source_of_the_catalog(small_videos):
    listed = catalog.discover(small_videos)
    source = VideoFiles(listed)
    assert isinstance(source, Source)
    assert source.videos == listed.videos and len(source.classes) == 12
    path = small_videos / source.videos[4]
    for modality in ("rgb", "rgb_diff"):
        assert source.num_frames(4, modality) == 12
        np.testing.assert_array_equal(
            source.read(4, modality, [3, 1]), video.read_frames(path, [3, 1])
        )
