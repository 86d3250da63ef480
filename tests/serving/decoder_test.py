import concurrent.futures
import dataclasses
import os
import shutil
import signal

import pytest

from keras_vidrec.serving.decoder import Decoders
from keras_vidrec.serving.refusals import Refused
from tests.data import numbered_video
from tests.serving.harmful_reader import Reader
from tests.serving.served import LIMITS


def test_one_video_harms_no_other(tmp_path):
    clip = numbered_video.write(tmp_path / "good.mp4", 3)
    limits = dataclasses.replace(LIMITS, decode_seconds=1.0)
    decoders = Decoders(Reader(), limits)
    try:
        for name, problem in (
            ("die", "the process that decoded it has died"),
            ("grow", "it needs more memory than there is"),
            ("fail", "decoding it fails"),
            ("stay", "decoding it takes over 1 s"),
        ):
            bad = shutil.copy(clip, tmp_path / f"{name}.mp4")
            refused = decoders.submit(bad, "theirs.avi")
            good = decoders.submit(clip, "ours.avi")
            with pytest.raises(Refused) as error:
                refused.result()
            assert error.value.status == 422
            assert "'theirs.avi'" in error.value.text
            assert problem in error.value.text
            assert good.result() == "good.mp4"
        assert decoders.restarts == 2
        os.kill(*decoders.processes, signal.SIGKILL)  # while it waits
        assert decoders.submit(clip, "ours.avi").result() == "good.mp4"
        assert decoders.restarts == 3
        late = decoders.submit(tmp_path / "stay.mp4", "late.avi")
        ended = decoders.submit(clip, "late.avi")
    finally:
        decoders.close()
    for one in (late, ended):
        with pytest.raises((Refused, concurrent.futures.CancelledError)):
            one.result(timeout=60)
