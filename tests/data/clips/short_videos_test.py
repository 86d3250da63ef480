import itertools

import numpy as np
import pytest

from keras_vidrec.data.clips import sampling
from keras_vidrec.data.clips import short_videos
from keras_vidrec.specs import ClipSpec
from tests.data.memory_source import MemorySource


@pytest.mark.parametrize("scheme", sampling.FIRST_ALONE)
def test_it_is_what_training_draws(scheme):
    """Of every small video, by many draws."""
    rng = np.random.default_rng(0)
    for num_frames, num_segments, length in itertools.product(
        range(1, 14), range(1, 5), range(1, 4)
    ):
        case = num_frames, num_segments, length
        drawn = [
            sampling.segment_indices(*case, scheme=scheme, rng=rng).max()
            for _ in range(30)
        ]
        is_alone = bool(max(drawn) == 0 and num_frames > length)
        assert sampling.is_first_alone(*case, scheme) is is_alone, case


class Source(MemorySource):
    """Video i has i + 10 frames."""

    def num_frames(self, index, modality):
        return super().num_frames(index, modality) + index


def test_a_line_tells_how_many_and_what_helps():
    source = Source(num_frames=10, broken=[0])
    spec = ClipSpec(("rgb", "flow"), num_segments=3, snippet_length=5)
    assert short_videos.remark(source, range(8), spec) == (
        "5 of 8 videos to train on have fewer than 15 images, the least that "
        "clip.sampling=tsn_caffe needs for 3 segments of 5 images: all "
        "segments of their training clips are the first 5 "
        "images. With clip.sampling=uniform they are spread over the video. "
        "The shortest is video1, with 10 images."
    )
    assert "first image." in short_videos.remark(
        source, [1, 2], ClipSpec(num_segments=12)
    )
    for other in (
        spec.replace(num_segments=1),
        spec.replace(sampling="uniform"),
        spec.replace(alignment="centered"),
    ):
        assert short_videos.remark(source, range(8), other) == ""
    assert short_videos.remark(source, [6, 7], spec) == ""
