import pytest

from keras_vidrec.serving import Limits


def test_what_limits_may_be():
    assert Limits(queue=1, decode_seconds=0.5).queue == 1
    for name, value in (("queue", 0), ("max_bytes", 1.5), ("patience", 0.0)):
        with pytest.raises(ValueError, match=f"Invalid `{name}`. .*{value}"):
            Limits(**{name: value})
