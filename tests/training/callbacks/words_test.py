import pytest

from keras_vidrec.training.callbacks import words


@pytest.mark.parametrize(
    "seconds, said",
    [
        (3, "less than 10 seconds"),
        (40.4, "40 seconds"),
        (90, "2 minutes"),
        (3599, "1 hour"),
        (7500, "2 hours 5 minutes"),
        (90_061, "1 day 1 hour"),
    ],
)
def test_a_time_in_words(seconds, said):
    assert words.duration(seconds) == said
