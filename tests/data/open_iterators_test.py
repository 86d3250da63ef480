import subprocess
import sys
import time

import pytest
import tensorflow as tf

from keras_vidrec.data import open_iterators

# As a notebook peeks at a batch: others are being read when it ends.
PEEK = """
import time
import numpy as np
from keras_vidrec.data import pipeline
from tests.data.memory_source import MemorySource
from keras_vidrec.specs import ClipSpec

class Slow(MemorySource):
    def read(self, *arguments):
        time.sleep(0.02)
        return super().read(*arguments)

clips = pipeline.make(
    Slow(), ClipSpec(size=16), range(8), training=True, batch_size=2
)
batches = iter(clips)
print(next(batches)[0].shape)
"""


def test_nothing_is_read_any_more():
    read = []

    def note(number):
        read.append(int(number))
        time.sleep(0.005)
        return number

    def batch(number):
        return tf.numpy_function(note, [number], tf.int64, stateful=False)

    numbers = tf.data.Dataset.range(10**9).map(batch, num_parallel_calls=2)
    iterator = iter(numbers.prefetch(1000))
    assert int(next(iterator)) == 0
    open_iterators.close()
    seen = len(read)
    time.sleep(0.1)
    assert len(read) == seen < 1000


@pytest.mark.large
def test_a_program_ends_with_an_iterator_open():
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", PEEK],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["(2,", "3,", "16,", "16,", "3)"]
