"""Snippets and crops of the file alone are those of the package."""

import numpy as np
import pytest

from keras_vidrec.data.clips import reader
from keras_vidrec.data.clips import regions
from keras_vidrec.export.standalone import clips
from keras_vidrec.specs import TEST_CROPS
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.specs.clip_spec import ALIGNMENTS
from keras_vidrec.specs.clip_spec import SAMPLINGS

SEVERAL = {"chunks": 10, "uniform": 5}


def rows_of(counts, spec, test):
    """As `Recognizer.clips` has them."""
    clip, test = spec.to_dict(), test.to_dict()
    starts = clips.starts_of(counts, clip, test)
    rows = {}
    for modality, count in counts.items():
        length = clips.num_images(modality, spec.snippet_length)
        before = clips.before_index(modality, clip, test)
        row = starts[:, None] - before + np.arange(length)
        rows[modality] = np.clip(row, 0, count - 1)
    return rows


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(
    "modalities, length",
    [
        (("rgb",), 1),
        (("rgb_diff",), 5),
        (("flow",), 10),
        (("rgb", "warped_flow"), 7),
        (("flow", "rgb_diff"), 2),
    ],
)
def test_snippets(sampling, modalities, length):
    stride = (3, 6) if sampling == "chunks" else None
    for alignment in ALIGNMENTS:
        spec = ClipSpec(
            modalities,
            snippet_length=length,
            alignment=alignment,
            sampling=sampling,
            stride=stride,
        )
        for num_clips in {1, SEVERAL.get(sampling, 1)}:
            for segments in (1, 3, 25):
                test = Protocol(num_clips=num_clips, num_segments=segments)
                shown = test.shown(spec)
                test = test.completed(spec)
                for frames in (2, 3, 9, 10, 31, 163):
                    counts = {m: frames - ("flow" in m) for m in modalities}
                    expected = reader.image_indices(
                        counts, shown, segments, "test", None, num_clips
                    )
                    found = rows_of(counts, spec, test)
                    for modality, indices in expected.items():
                        np.testing.assert_array_equal(found[modality], indices)


@pytest.mark.parametrize("crops", TEST_CROPS)
@pytest.mark.parametrize("size", [(41, 40), (36, 64), (53, 30), (1, 7)])
def test_crops(crops, size):
    spec = ClipSpec(("flow",), snippet_length=1, size=24)
    image = np.random.default_rng(0).integers(0, 256, (*size, 2), "uint8")
    expected, shown = reader.crops_of_test(*size, spec, crops)
    found, shown_here = clips.crops_of(crops, *size, spec.size)
    assert len(found) == TEST_CROPS[crops]
    for ours, crop in zip(expected, found, strict=True):
        np.testing.assert_array_equal(
            clips.cut(image, crop, shown_here, True),
            regions.apply(image[None], ours, shown, "flow")[0],
        )
