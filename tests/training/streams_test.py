"""What `fit` reads of a dataset, and what it refuses."""

import types

import pytest

from keras_vidrec.specs import ClipSpec
from keras_vidrec.training import recipes
from keras_vidrec.training.streams import Streams
from tests.data.memory_source import MemorySource


def test_a_sampling_that_needs_one_class_each_is_named():
    """In the words of the recipe."""
    source = MemorySource(num_videos=4)
    source.labels = ((0,), (0, 1), (1,), ())
    recipe = recipes.get("scratch").with_settings(["data.sampling=balanced"])
    data = types.SimpleNamespace(
        source=source, train=(0, 1, 2, 3), validation=()
    )
    here = types.SimpleNamespace(distribute=lambda stream: stream((0, 1)))
    streams = Streams(recipe, data, ClipSpec(size=32), None, here)
    with pytest.raises(ValueError, match="Invalid `data.sampling`"):
        streams.training(0, 0, lambda clips: clips)
