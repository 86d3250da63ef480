import pytest

from keras_vidrec.videos import damage
from keras_vidrec.videos import video
from tests.data import numbered_video


def find(path):
    """What is damaged, told of the frames that decode."""
    info = video.probe(path)
    return info.num_frames, damage.find(path, info.num_frames, info.frame_rate)


def overwrite(path, start, stop):
    """Puts zeros from one share of a file to another."""
    content = bytearray(path.read_bytes())
    start, stop = int(len(content) * start), int(len(content) * stop)
    content[start:stop] = bytes(stop - start)
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_a_truncated_end(tmp_path, name):
    path = numbered_video.write(tmp_path / name, 150)
    assert find(path) == (150, "")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    num_frames, found = find(path)
    assert found == (
        "it is damaged: of the 150 frames that it states, the last "
        f"{150 - num_frames} are cut off."
    )


def test_packets_in_the_middle_that_do_not_decode(tmp_path):
    path = numbered_video.write(tmp_path / "a.mp4", 150)
    assert find(path) == (150, "")
    overwrite(path, 0.5, 0.6)
    num_frames, found = find(path)
    assert 0 < num_frames < 150
    assert found == (
        "it is damaged: of the 150 frames that it states, "
        f"{150 - num_frames} cannot be decoded; times behind a gap are too "
        "early."
    )


def test_the_frames_of_a_stream_are_counted_at_its_end(tmp_path):
    path = numbered_video.write(tmp_path / "a.avi", 12)
    stream = damage.CountedFile(path)
    frames = stream.frames(hold=1)
    assert [next(frames)[0] for _ in range(11)] == [*range(11)]
    assert stream.num_frames is None
    assert [index for index, _ in frames] == [11]
    assert stream.num_frames == 12


def test_real_files(real_data):
    videos = real_data / "odd_videos"
    num_frames, found = find(videos / "corrupted.mp4")
    assert num_frames == 28
    assert "50 frames" in found and "2 cannot be decoded" in found
    assert "the last 17 are cut off" in found
    # Packets hidden by an edit list; stamps with gaps; B-frames in an AVI.
    for name in (
        "odd_videos/nasa_13013.mp4",
        "odd_videos/tree.avi",
        "ut_interaction/segmented_set1/0_1_4.avi",
    ):
        assert find(real_data / name)[1] == "", name
