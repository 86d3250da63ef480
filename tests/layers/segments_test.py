import keras
import numpy as np
from keras import ops

from keras_vidrec.layers import FoldSegments
from keras_vidrec.layers import UnfoldSegments
from tests.layer_contract import check_layer


def test_contract():
    check_layer(
        FoldSegments,
        {},
        input_shape=(2, 3, 6, 5, 4),
        expected_output_shape=(6, 6, 5, 4),
        expected_num_trainable_weights=0,
    )


def test_clips_lie_one_after_the_other():
    clips = np.arange(24).reshape(2, 3, 4)
    folded = ops.convert_to_numpy(FoldSegments()(clips))
    np.testing.assert_array_equal(folded, clips.reshape(6, 4))


def test_unfold_is_the_way_back_at_any_size():
    clip = keras.Input((None, None, None, 3))
    folded = FoldSegments()(clip)
    model = keras.Model(clip, UnfoldSegments()(folded * 2, clip))
    assert model.output_shape == (None, None, None, None, 3)
    for shape in [(2, 3, 8, 6, 3), (1, 5, 4, 4, 3)]:
        clips = np.random.default_rng(0).random(shape, "float32")
        np.testing.assert_array_equal(
            model.predict(clips, verbose=0), 2 * clips
        )


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
