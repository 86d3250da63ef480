import numpy as np
import pytest

from keras_vidrec.data.preparing.code_use import CodeUse


def test_shares_of_values():
    counts = np.zeros(256, "int64")
    assert CodeUse.of(counts) is None
    counts[[0, 119, 120, 128, 136, 137, 254, 255]] = 1, 2, 4, 80, 8, 3, 1, 1
    use = CodeUse.of(counts)
    assert use == pytest.approx((0.02, 0.92))
    assert use.line(20.0) == (
        "Flow: 2.0% of its values are at the bound of 20 pixels, 92.0% within "
        "a sixteenth of it. A larger --bound would represent fast "
        "motion better."
    )
    both = CodeUse.of_videos([use, None, [0.0, 1.0]], [1, 5, 3])
    assert both == pytest.approx((0.005, 0.98))
    assert "would" not in both.line(20)
    assert "A smaller --bound" in CodeUse(0.0, 0.995).line(20)
    assert CodeUse.of_videos([None], [3]) is None
