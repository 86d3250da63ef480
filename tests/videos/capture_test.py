import cv2

from keras_vidrec.videos import capture
from tests.data import numbered_video


def test_one_thread_and_raw_packets(tmp_path):
    path = str(numbered_video.write(tmp_path / "video.mp4", 3))
    opened = capture.open_capture(path)
    assert opened.get(cv2.CAP_PROP_N_THREADS) == 1
    assert opened.read()[1].shape == (48, 128, 3)
    opened.release()
    opened = capture.open_capture(path, raw=True)
    packet = opened.read()[1]
    assert 0 < packet.size < 48 * 128
    opened.release()


def test_log_is_silent_only_inside(tmp_path, capfd):
    path = tmp_path / "text.mp4"
    path.write_text("not a video")
    silence = capture._silence
    before = capture._log.getLogLevel()
    with silence, silence:
        assert not capture.open_capture(str(path)).isOpened()
        assert capture._log.getLogLevel() == 0
    assert capture._log.getLogLevel() == before != 0
    assert capfd.readouterr().err == ""
