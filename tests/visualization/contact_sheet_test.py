import cv2
import numpy as np
import pytest

from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import ColorJitter
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.augmentation import Flip
from keras_vidrec.data.clips import reader
from keras_vidrec.flow import codec
from keras_vidrec.specs import ClipSpec
from keras_vidrec.visualization import contact_sheet
from keras_vidrec.visualization import save_picture
from keras_vidrec.visualization.contact_sheet import GAP
from keras_vidrec.visualization.contact_sheet import row_top
from tests.data.memory_source import MemorySource

SPEC = ClipSpec(
    modalities=("rgb", "rgb_diff", "flow"),
    num_segments=3,
    snippet_length=2,
    size=24,
)
JITTER = Augmentation((Crop(), Flip(), ColorJitter()))


def cells(sheet, row, columns):
    top, size = row_top(SPEC, row), SPEC.size
    lefts = [GAP + column * (size + GAP) for column in range(columns)]
    return [sheet[top : top + size, left : left + size] for left in lefts]


def test_images_are_those_of_the_training_clip():
    source = MemorySource()
    sheet = contact_sheet(source, [5, 2], SPEC, JITTER, seed=3)
    for place, video in enumerate((5, 2)):
        clip = reader.read_training_clip(
            source, video, SPEC, JITTER, np.random.default_rng((3, video))
        )
        rgb, diff, flow = (
            cells(sheet, 3 * place + row, columns)
            for row, columns in enumerate((3, 6, 6))
        )
        np.testing.assert_array_equal(rgb, clip["rgb"])
        bound = SPEC.flow.bound
        vectors = codec.decode(clip["flow"], bound)
        # Channels are x1, y1, x2, y2.
        vectors = np.stack([vectors[..., :2], vectors[..., 2:]], axis=1)
        longest = np.sqrt((vectors**2).sum(-1)).max()
        assert longest > 1
        pictures = codec.to_picture(vectors, longest).reshape(-1, 24, 24, 3)
        assert np.abs(np.subtract(flow, pictures, dtype=int)).max() <= 1
        frames = clip["rgb_diff"].astype(int)
        differences = [
            (255 + snippet[..., t : t + 3] - snippet[..., t - 3 : t]) // 2
            for snippet in frames
            for t in (3, 6)
        ]
        np.testing.assert_array_equal(diff, differences)
    other = contact_sheet(source, [5, 2], SPEC, JITTER, seed=4)
    assert (other != sheet).any()


def test_what_is_still_is_pale():
    class Still(MemorySource):
        def read(self, index, modality, indices):
            return np.full((len(indices), 32, 40, 2), 128, np.uint8)

    spec = SPEC.replace(modalities=("flow",))
    sheet = contact_sheet(Still(), [0], spec, Augmentation())
    assert min(image.min() for image in cells(sheet, 0, 6)) > 200


def test_broken_videos_and_captions():
    source = MemorySource(broken=[1])
    source.classes = ("gerade", "rückwärts 後")
    spec = SPEC.replace(modalities=("rgb",), snippet_length=1)
    sheet = contact_sheet(source, [1, 0], spec, Augmentation())
    assert sheet.shape[0] == row_top(spec, 1) + spec.size + GAP
    # The caption of a broken video is wider than the images, and is drawn.
    assert sheet.shape[1] > GAP + 3 * (spec.size + GAP)
    assert (sheet[: row_top(spec, 0)] < 100).any()
    np.testing.assert_array_equal(cells(sheet, 0, 3), 255)
    assert (np.array(cells(sheet, 1, 3)) != 255).any()


def test_bad_input(tmp_path):
    source = MemorySource()
    source.modalities = ("rgb",)
    with pytest.raises(ValueError, match="dataset with rgb_diff.*'rgb',"):
        contact_sheet(source, [0], SPEC, Augmentation())
    with pytest.raises(ValueError, match="none"):
        contact_sheet(MemorySource(), [], SPEC, Augmentation())
    with pytest.raises(ValueError, match="sheet.png.*nothing.xyz"):
        save_picture(tmp_path / "nothing.xyz", np.zeros((2, 2, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_save_picture(tmp_path):
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 200
    save_picture(tmp_path / "new" / "sheet.png", picture)
    written = cv2.imread(str(tmp_path / "new" / "sheet.png"))
    np.testing.assert_array_equal(written[..., ::-1], picture)
