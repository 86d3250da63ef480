import keras
import numpy as np
from keras import ops

from keras_vidrec.layers import UnfoldSegments


def test_sizes_come_from_the_clips():
    folded = np.arange(24).reshape(6, 4)
    clips = np.zeros((2, 3, 9))
    unfolded = ops.convert_to_numpy(UnfoldSegments()(folded, clips))
    np.testing.assert_array_equal(unfolded, folded.reshape(2, 3, 4))


def test_known_number_of_segments_stays_static():
    clips = keras.Input((3, 8))
    folded = keras.Input((4,))
    assert UnfoldSegments()(folded, clips).shape == (None, 3, 4)


def test_config_round_trip():
    layer = UnfoldSegments(name="unfold")
    config = keras.saving.serialize_keras_object(layer)
    assert keras.saving.deserialize_keras_object(config).name == "unfold"
    assert config["registered_name"] == "keras_vidrec>UnfoldSegments"
