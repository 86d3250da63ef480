import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import ClassScores
from keras_vidrec.specs import ClipSpec
from tests.layer_contract import check_layer

SPEC = ClipSpec(modalities=("flow",), snippet_length=5, num_segments=7)


def test_contract():
    check_layer(
        ClassScores,
        {
            "activation": "softmax",
            "class_names": ("a", "b", "c"),
            "clip_spec": SPEC.to_dict(),
            "temperature": 1.5,
        },
        input_shape=(2, 3),
        expected_output_shape=(2, 3),
        expected_num_trainable_weights=0,
        run_mixed_precision_check=False,  # always float32, tested below
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_softmax_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    logits = np.array([[1.0, 2.0, 4.0]], "float32")
    exponentials = np.exp(logits - 4)
    scores = ClassScores()(logits)
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    np.testing.assert_allclose(
        ops.convert_to_numpy(scores),
        exponentials / exponentials.sum(),
        atol=1e-7,
    )


def test_a_temperature_divides_logits():
    logits = np.array([[1.0, 2.0, 4.0]], "float32")
    np.testing.assert_allclose(
        ops.convert_to_numpy(ClassScores(temperature=4)(logits)),
        ops.convert_to_numpy(ClassScores()(logits / 4)),
        rtol=1e-6,
    )
    np.testing.assert_array_equal(  # what passes, passes as it is
        ops.convert_to_numpy(ClassScores(None, temperature=4)(logits)), logits
    )
    for value in (0, -1, float("inf"), "2", None, True):
        with pytest.raises(ValueError, match="`temperature`. Expected a posit"):
            ClassScores(temperature=value)


def test_no_activation_passes_logits():
    logits = np.array([[1.0, -2.0]], "float32")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(ClassScores(None)(logits)), logits
    )


def test_several_labels(tmp_path):
    """A sigmoid a class, and thresholds that travel with the network."""
    logits = keras.Input((3,))
    layer = ClassScores("sigmoid", name="predictions")
    model = keras.Model(logits, layer(logits))
    assert layer.multi_label and layer.thresholds is None
    x = np.array([[0.0, 30.0, -3.0], [-1.0, -40.0, 2.0]], "float32")
    found = ops.convert_to_numpy(model(x))
    expected = 1 / (1 + np.exp(-x.astype("float64")))
    np.testing.assert_allclose(found, expected, atol=1e-7)
    np.testing.assert_allclose(layer.probabilities(x), expected, rtol=1e-12)
    assert layer.present(found).tolist() == [
        [True, True, False],
        [False, False, True],
    ]
    layer.thresholds = [0.6, 0.5, 0.04]
    model.save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    assert layer.thresholds == (0.6, 0.5, 0.04) and layer.multi_label
    assert layer.present(found).tolist() == [
        [False, True, True],
        [False, False, True],
    ]
    one = ClassScores()
    assert not one.multi_label
    np.testing.assert_allclose(one.probabilities(x).sum(axis=1), 1)


def test_names_and_spec_survive_saving_again_and_again(tmp_path):
    logits = keras.Input((2,))
    scores = ClassScores(
        class_names=["jump", "run"], clip_spec=SPEC, name="predictions"
    )(logits)
    model = keras.Model(logits, scores)
    for _ in range(2):
        path = tmp_path / "model.keras"
        model.save(path)
        model = keras.models.load_model(path)
        layer = model.get_layer("predictions")
        assert layer.class_names == ("jump", "run")
        assert layer.clip_spec == SPEC


def test_names_given_later_are_checked_too():
    layer = ClassScores()
    layer.build((None, 2))
    with pytest.raises(ValueError, match=r"each of the 2 .*Received: 1"):
        layer.class_names = ("jump",)
    layer.class_names = ("jump", "run")
    assert layer.get_config()["class_names"] == ("jump", "run")


def test_invalid_arguments():
    with pytest.raises(ValueError, match="activation='relu'"):
        ClassScores("relu")
    for values in ((0.5,), (0.5, 1.5), (0.5, float("nan")), (0.5, "0.5")):
        layer = ClassScores("sigmoid")
        layer.build((None, 2))
        with pytest.raises(ValueError, match="`thresholds`.*of the 2 classes"):
            layer.thresholds = values
    with pytest.raises(ValueError, match="thresholds"):
        ClassScores(thresholds=(0.5, 0.5))
    with pytest.raises(ValueError, match="thresholds"):
        ClassScores("sigmoid", thresholds=(0.5,))(np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"class_names=\('a', 'a'\)"):
        ClassScores(class_names=("a", "a"))
    with pytest.raises(ValueError, match="each of the 3 classes"):
        ClassScores(class_names=("a", "b"))(np.zeros((1, 3)))
