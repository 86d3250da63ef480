import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from tests.backbones.reference import tower_without_weights

WEIGHTED = (keras.layers.Conv2D, keras.layers.BatchNormalization)


@pytest.mark.large  # as do its weights of ImageNet, in every run
def test_equals_keras_applications():
    keras.utils.clear_session()
    reference = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(85, 79, 3), pooling="avg"
    )
    rng = np.random.default_rng(0)
    for layer in reference.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            assert layer.epsilon == 1e-3 and layer.momentum == 0.99
            layer.set_weights(
                [rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
            )
    tower = backbones.get("inception_v3")
    ours = [layer for layer in tower.layers if isinstance(layer, WEIGHTED)]
    theirs = [
        layer for layer in reference.layers if isinstance(layer, WEIGHTED)
    ]
    for a, b in zip(ours, theirs, strict=True):
        a.set_weights(b.get_weights())
        if isinstance(a, keras.layers.BatchNormalization):
            assert (a.epsilon, a.momentum, a.scale) == (1e-3, 0.99, False)
    x = rng.normal(size=(2, 85, 79, 3))
    expected = ops.convert_to_numpy(reference(x))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(
        ops.convert_to_numpy(tower(x)),
        expected,
        rtol=1e-5,
        atol=1e-5 * np.abs(expected).max(),
    )


def test_torchvision_names():
    tower = tower_without_weights("inception_v3")
    names = {layer.name for layer in tower.layers}
    assert names >= {
        "Conv2d_1a_3x3_conv",
        "Conv2d_1a_3x3_bn",
        "maxpool1",
        "Conv2d_4a_3x3_conv",
        "Mixed_5b_branch1x1_conv",
        "Mixed_5b_branch5x5_2_bn",
        "Mixed_5d_branch_pool_conv",
        "Mixed_6a_branch3x3_conv",
        "Mixed_6b_branch7x7dbl_5_conv",
        "Mixed_7a_branch7x7x3_4_conv",
        "Mixed_7b_branch3x3_1_conv",
        "Mixed_7b_branch3x3_2a_conv",
        "Mixed_7c_branch3x3dbl_3b_bn",
        "Mixed_7c",
    }
    convolutions = [n for n in names if n.endswith("_conv")]
    assert len(convolutions) == 94
